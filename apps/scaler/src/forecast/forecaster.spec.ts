import fc from 'fast-check';
import { DEFAULT_RULES, Forecaster, type ForecastRules, type Series, seriesOf } from '.';

const MINUTE = 60_000;
const PERIOD = 5_000;
const RATE = seriesOf('rate', 'discord');
/** Small enough that evidence, dwell and bench come about within some hundred samples. */
const QUICK: ForecastRules = { ...DEFAULT_RULES, horizonsMs: [PERIOD, 5 * PERIOD], windowMs: 30 * PERIOD, historyMs: 90 * PERIOD, memoryMs: 60 * PERIOD, dwellMs: 10 * PERIOD, benchAfterMs: 60 * PERIOD };

const follow = (forecaster: Forecaster, series: Series, values: readonly number[], from = 0): number => {
  values.forEach((value, index) => forecaster.observe(series, from + index * PERIOD, value));
  return from + (values.length - 1) * PERIOD;
};
const forecastsOf = (forecaster: Forecaster, series: Series) => forecaster.rules.horizonsMs.map((horizonMs) => forecaster.forecast(series, horizonMs)!);

describe('forecasts', () => {
  it('are there for every look-ahead from the first observation on, and say that it stays as it is', () => {
    const forecaster = new Forecaster();
    forecaster.observe(RATE, 1_000, 7);

    expect(forecastsOf(forecaster, RATE)).toMatchObject([60_000, 300_000, 900_000].map((horizonMs) => ({ horizonMs, at: 1_000 + horizonMs, model: 'last-value', point: 7, observed: 7, deciding: 7 })));
  });

  it('are not there for a series or a look-ahead that nobody knows, and no longer for one that fell silent or was forgotten', () => {
    const forecaster = new Forecaster();
    forecaster.observe(RATE, 0, 7);

    expect(forecaster.forecast('rate:nobody', MINUTE)).toBeUndefined();
    expect(forecaster.forecast(RATE, 2 * MINUTE)).toBeUndefined();
    expect(forecaster.forecast(RATE, MINUTE, MINUTE)).toBeDefined();
    expect(forecaster.forecast(RATE, MINUTE, MINUTE + 1)).toBeUndefined();
    forecaster.forget(RATE);
    expect(forecaster.forecast(RATE, MINUTE)).toBeUndefined();
  });

  it.each([
    ['a constant', 1_140.3],
    ['nothing at all', 0],
  ])('of a series that is %s are just that, with next to no width', (_, value) => {
    const forecaster = new Forecaster(QUICK);
    follow(forecaster, RATE, Array.from({ length: 400 }, () => value));

    for (const { point, lower, upper, error, under } of forecastsOf(forecaster, RATE)) {
      expect(point).toBeCloseTo(value, 9);
      for (const edge of [lower, upper]) expect(Math.abs(edge - value)).toBeLessThanOrEqual(value / 500);
      expect(error).toBeCloseTo(0, 9);
      expect(under).toBe(0);
    }
  });

  it('see a steady rise coming, and decide by it', () => {
    const forecaster = new Forecaster(QUICK);
    follow(forecaster, RATE, Array.from({ length: 300 }, (_, index) => 100 + index));

    const { point, observed, deciding } = forecaster.forecast(RATE, 5 * PERIOD)!;
    expect(observed).toBe(399);
    expect(point).toBeGreaterThan(402);
    expect(deciding).toBe(point);
  });

  it('are the last value, without head-room, where a figure only jumps now and then, as memory does', () => {
    const forecaster = new Forecaster(QUICK);
    const random = randomFrom(3);
    let level = 1_140;
    for (let index = 0; index < 600; index++) {
      if (random() < 0.03) level += Math.round(40 * (random() - 0.5));
      forecaster.observe(RATE, index * PERIOD, level);
      for (const { model, point } of forecastsOf(forecaster, RATE)) expect({ model, point }).toEqual({ model: 'last-value', point: level });
    }
  });

  it('decide by what is observed when less is forecast', () => {
    const forecaster = new Forecaster(QUICK);
    follow(forecaster, RATE, Array.from({ length: 300 }, (_, index) => 1_000 - 3 * index));

    const { point, deciding } = forecaster.forecast(RATE, 5 * PERIOD)!;
    expect(point).toBeLessThan(103);
    expect(deciding).toBe(103);
  });

  it('take what is no number, or below 0, for a gap: a sensor that failed, a counter that began anew', () => {
    const forecaster = new Forecaster(QUICK);
    const end = follow(forecaster, RATE, Array.from({ length: 100 }, () => 50));
    const before = forecastsOf(forecaster, RATE);
    [NaN, Infinity, -Infinity, 1e300, -49_000].forEach((value, index) => forecaster.observe(RATE, end + (index + 1) * PERIOD, value));

    expect(forecastsOf(forecaster, RATE)).toEqual(before);
  });

  it('whose moment passed in a gap are held against nothing', () => {
    const forecaster = new Forecaster(QUICK);
    const end = follow(forecaster, RATE, Array.from({ length: 100 }, () => 50));
    forecaster.observe(RATE, end + 3_600_000, 5_000);

    const [first] = forecaster.champions();
    expect(first!.records.map(({ error }) => error)).toEqual(first!.records.map(() => 0));
  });

  it('go on when the clock is set back, and again when it is set forward', () => {
    const forecaster = new Forecaster(QUICK);
    const noon = 1_000_000_000;
    follow(forecaster, RATE, Array.from({ length: 200 }, (_, index) => 50 + (index % 3)), noon);
    const back = follow(forecaster, RATE, Array.from({ length: 200 }, (_, index) => 60 + (index % 3)), noon - 3_600_000);
    expect(forecaster.forecast(RATE, PERIOD)).toMatchObject({ madeAt: back, observed: 61 });
    expect(forecaster.forecast(RATE, PERIOD)!.point).toBeLessThan(70);

    const forward = follow(forecaster, RATE, Array.from({ length: 200 }, (_, index) => 70 + (index % 3)), noon + 86_400_000);
    expect(forecaster.forecast(RATE, PERIOD)).toMatchObject({ madeAt: forward, observed: 71 });
    expect(forecaster.champions().every(({ since }) => since <= forward)).toBe(true);
  });

  it('cover nine of ten truths of a noisy series', () => {
    const forecaster = new Forecaster(QUICK);
    const random = randomFrom(7);
    let [inside, count] = [0, 0];
    let promised: { lower: number; upper: number } | undefined;
    for (let index = 0; index < 3_000; index++) {
      const value = 100 + 20 * (random() + random() - 1) + 30 * Math.sin(index / 200);
      if (promised && index > 500) {
        count++;
        inside += value >= promised.lower && value <= promised.upper ? 1 : 0;
      }
      forecaster.observe(RATE, index * PERIOD, value);
      promised = forecaster.forecast(RATE, PERIOD);
    }
    expect(inside / count).toBeGreaterThan(0.86);
    expect(inside / count).toBeLessThan(0.94);
  });

  it('are finite, not below 0 and in order, whatever is observed whenever; champions keep their dwell', () => {
    const value = fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constant(0), fc.double(), fc.integer({ min: -10, max: 100 }));
    const step = fc.oneof({ weight: 8, arbitrary: fc.constant(PERIOD) }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 20_000 }) }, { weight: 1, arbitrary: fc.integer({ min: -100_000, max: 1_000_000 }) });
    const samples = fc.array(fc.tuple(step, value), { minLength: 1, maxLength: 250 });
    fc.assert(
      fc.property(samples, (all) => {
        const forecaster = new Forecaster(QUICK);
        let at = 1_000_000;
        for (const [passed, observed] of all) {
          at += passed;
          forecaster.observe(RATE, at, observed);
          for (const horizonMs of QUICK.horizonsMs) {
            const forecast = forecaster.forecast(RATE, horizonMs);
            if (!forecast) continue;
            const { lower, point, upper, deciding } = forecast;
            for (const figure of [lower, point, upper, deciding]) expect(Number.isFinite(figure)).toBe(true);
            expect(lower).toBeGreaterThanOrEqual(0);
            expect(lower).toBeLessThanOrEqual(point);
            expect(point).toBeLessThanOrEqual(upper);
            expect(deciding).toBeGreaterThanOrEqual(Math.max(forecast.observed, point));
          }
        }
        for (const { records } of forecaster.champions()) for (const { error, under, coverage } of records) expect([error, under, coverage].every((figure) => figure >= 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('change their champion by evidence, with a reason, never within its dwell', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1_000, noNaN: true }), { minLength: 200, maxLength: 400 }), (values) => {
        const forecaster = new Forecaster(QUICK);
        follow(forecaster, RATE, values);
        for (const horizonMs of QUICK.horizonsMs) {
          const changes = forecaster.takeDecisions().filter((decision) => decision.kind === 'champion' && decision.horizonMs === horizonMs);
          changes.slice(1).forEach(({ at }, index) => expect(at - changes[index]!.at).toBeGreaterThanOrEqual(QUICK.dwellMs));
          for (const { model, replaced, reason, records } of changes) {
            expect(model).not.toBe(replaced);
            expect(reason).toContain(`${model} (error `);
            expect(records).toHaveLength(6);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are asked for training at once, then in a rhythm, and earlier when errors rise for good', () => {
    const forecaster = new Forecaster();
    expect(forecaster.trainingDue(0)).toBeUndefined();
    let end = follow(forecaster, RATE, Array.from({ length: 400 }, (_, index) => 50 + (index % 2)));
    expect(forecaster.trainingDue(end)).toBe('never-trained');

    forecaster.trainingBegan(end);
    expect(forecaster.trainingDue(end + 9 * MINUTE)).toBeUndefined();
    expect(forecaster.trainingDue(end + 10 * MINUTE)).toBe('rhythm');

    end = follow(forecaster, RATE, Array.from({ length: 80 }, (_, index) => 50 * (1 + (index % 7))), end + PERIOD);
    expect(forecaster.trainingDue(end)).toBe('drift');
    forecaster.trainingBegan(end);
    expect(forecaster.trainingDue(end + PERIOD)).toBeUndefined();
  });

  it('use what was learned from then on, and keep it for series that a later run did not see', () => {
    const forecaster = new Forecaster();
    follow(forecaster, RATE, Array.from({ length: 400 }, () => 50));
    const regression = () => forecaster.shadows(RATE, MINUTE).find(({ model }) => model === 'regression')!.point;
    expect(regression()).toBe(50);

    const end = follow(forecaster, RATE, [...Array.from({ length: 100 }, () => 50), 80], 400 * PERIOD);
    // The whole way back to the mean of the window.
    forecaster.learn({ trainedAt: end, series: { [RATE]: { regression: { [MINUTE]: [0, 0, 1, 0, 0, 0, 0] } } } });
    expect(regression()).toBeCloseTo(50, 0);
    forecaster.learn({ trainedAt: end, series: {} });
    expect(regression()).toBeCloseTo(50, 0);
  });
});

/** A small random generator that always begins alike (mulberry32). */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
};
