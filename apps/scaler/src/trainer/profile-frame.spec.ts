import { levelAt, seasonal } from '../forecast/models/seasonal';
import { localTime } from '../forecast/local-time';
import { lookAt } from '../forecast/look';
import { profileOf } from './profile-frame';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const QUARTER = HOUR / 4;
const BERLIN = 'Europe/Berlin';
/** People come at nine by their clocks and leave at five. */
const demandAt = (at: number): number => {
  const hour = (localTime(at, BERLIN) % DAY) / HOUR;
  return hour >= 9 && hour < 17 ? 100 : 10;
};
const rollups = (from: number, days: number) => {
  const at = Array.from({ length: days * 96 }, (_, index) => from + index * QUARTER);
  return { at, value: at.map(demandAt), everyMs: QUARTER };
};

// Danfo.js takes a second to load on an idle machine, and much longer on a busy one.
jest.setTimeout(180_000);

describe('the profile of a day', () => {
  it.each([
    ['before clocks are put forward', Date.UTC(2026, 2, 15), Date.UTC(2026, 2, 30)],
    ['before they are put back', Date.UTC(2026, 9, 11), Date.UTC(2026, 9, 26)],
  ])('that was learned %s holds after it: the morning begins at nine, not an hour beside', (_, from, after) => {
    const profile = { ...profileOf(rollups(from, 14), BERLIN)!, trend: 0 };
    expect(profile.timeZone).toBe(BERLIN);
    for (let at = after; at < after + DAY; at += HOUR) {
      // In the middle of a slot, where it is not mixed with the next one.
      const ratio = levelAt(profile, at + QUARTER / 2) / levelAt(profile, after + 12 * HOUR + QUARTER / 2);
      expect(ratio).toBeCloseTo(demandAt(at) / 100, 1);
    }
  });

  it('sees the morning coming on the very day on which the clocks were put forward', () => {
    const profile = { ...profileOf(rollups(Date.UTC(2026, 2, 15), 14), BERLIN)!, trend: 0 };
    // Ten to nine in Berlin, which is ten to seven by UTC from that day on.
    const now = Date.UTC(2026, 2, 29, 6, 52);
    const at = Float64Array.from({ length: 30 }, (_, index) => now - (29 - index) * 60_000);
    const look = lookAt(at, at.map(demandAt), 0, 30, 1_800_000);
    const expected = seasonal.expect(look, 900_000, { regression: {}, profile })!;
    expect(expected).toBeGreaterThan(80);
    // By UTC it would still be an hour away.
    expect(seasonal.expect(look, 900_000, { regression: {}, profile: { ...profile, timeZone: 'Etc/GMT-1' } })).toBeLessThan(20);
  });

  it('learned across the change is as sharp as any other', () => {
    const { slots } = profileOf(rollups(Date.UTC(2026, 2, 22), 14), BERLIN)!;
    expect(slots[9 * 4]! / slots[9 * 4 - 1]!).toBeGreaterThan(8);
    expect(slots[17 * 4 - 1]! / slots[17 * 4]!).toBeGreaterThan(8);
  });
});
