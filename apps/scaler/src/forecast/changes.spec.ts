import { Changes } from './changes';

const WEEK = 7 * 86_400_000;
const evidenceIn = (values: readonly number[]): number => {
  const changes = new Changes(WEEK);
  values.forEach((value, index) => changes.add(index * 5_000, value));
  return changes.evidence;
};
/** A small random generator that always begins alike (Lehmer). */
const steps = (count: number): number[] => {
  let state = 42;
  return Array.from({ length: count }, () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5);
};

describe('changes of a series', () => {
  it('tell something of the next ones under noise around a level, and in a trend', () => {
    expect(evidenceIn(steps(100).map((noise) => 100 + 20 * noise))).toBeGreaterThan(2);
    expect(evidenceIn(Array.from({ length: 100 }, (_, index) => 100 + index ** 1.5))).toBeGreaterThan(2);
  });

  it('tell little of them in a random walk, and nothing when there are none', () => {
    let at = 1_000;
    expect(evidenceIn(steps(400).map((step) => (at += 20 * step)))).toBeLessThan(2);
    expect(evidenceIn(Array.from({ length: 100 }, () => 7))).toBe(0);
    expect(evidenceIn([])).toBe(0);
  });
});
