import type { SeriesLearned } from '../learned';
import { lookAt } from '../look';
import { expectationOf, MODELS } from './all';
import { dampedHolt } from './damped-holt';
import { lastValue } from './last-value';
import { linear } from './linear';
import { seasonal } from './seasonal';

const MINUTE = 60_000;
const DAY = 86_400_000;
const WINDOW = 30 * MINUTE;

const look = (at: number[], value: number[]) => lookAt(Float64Array.from(at), Float64Array.from(value), 0, at.length, WINDOW);
const minutes = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index * MINUTE);

describe('the models', () => {
  it('all say that one sample stays as it is', () => {
    for (const model of MODELS) expect(expectationOf(model, look([5], [42]), 5 * MINUTE, undefined)).toBe(42);
  });

  it('of the line go on with a line, however uneven the samples', () => {
    const at = [0, 1, 2, 7, 8, 20, 21].map((minute) => 1e12 + minute * MINUTE);
    const seen = look(at, at.map((time) => 100 + (time - 1e12) / MINUTE));

    expect(linear.expect(seen, 9 * MINUTE, undefined)).toBeCloseTo(130, 6);
    expect(lastValue.expect(seen, 9 * MINUTE, undefined)).toBe(121);
  });

  it('of Holt go on with less of the trend the farther they look', () => {
    const seen = look(minutes(31), minutes(31).map((_, index) => 100 + index));
    const [one, five, fifteen] = [1, 5, 15].map((ahead) => dampedHolt.expect(seen, ahead * MINUTE, undefined)!) as [number, number, number];

    expect(one).toBeGreaterThan(130);
    expect(five).toBeGreaterThan(one);
    expect((fifteen - five) / 10).toBeLessThan((five - one) / 4);
  });

  it('of the season move the present level along the profile of the day', () => {
    const slots = Array.from({ length: 96 }, (_, slot) => (slot < 48 ? 0.5 : 1.5));
    const learned: SeriesLearned = { regression: {}, profile: { slotMs: DAY / 96, slots, weekdays: [1, 1, 1, 1, 1, 1, 1], trend: 0 } };
    const morning = look(minutes(30, 11 * 60 * MINUTE), Array.from({ length: 30 }, () => 40));

    expect(seasonal.expect(morning, MINUTE, learned)).toBeCloseTo(40, 6);
    expect(seasonal.expect(morning, 90 * MINUTE, learned)).toBeCloseTo((40 * 1.52) / 0.52, 6);
    expect(seasonal.expect(morning, MINUTE, undefined)).toBeUndefined();
  });

  it('that say nonsense say what the last value says, and nothing below 0', () => {
    const seen = look(minutes(30), minutes(30).map((_, index) => 300 - 10 * index));
    const absurd: SeriesLearned = { regression: { [MINUTE]: [0, 0, 0, 0, Infinity, 0, 0] } };

    expect(expectationOf(linear, seen, 15 * MINUTE, undefined)).toBe(0);
    for (const model of MODELS) expect(Number.isFinite(expectationOf(model, seen, MINUTE, absurd))).toBe(true);
  });
});
