import { join } from 'node:path';
import { GENERATED, generated } from './fixtures/generated-series';
import { missedByOneNumber, missedInUse } from './fixtures/goals';
import { readSeries } from './fixtures/series-file';
import { horizonsFor, rulesFor, walkForward } from './fixtures/walk-forward';

const traffic = (name: string) => readSeries(join(__dirname, 'fixtures', 'traffic', `${name}.csv`));

// Danfo.js takes a second to load on an idle machine, and much longer on a busy one.
jest.setTimeout(180_000);

describe('on recorded traffic, from the past alone, the champion', () => {
  it.each([
    ['requests to a conversation model', 'azure-llm-conversation-per-10s', 10],
    ['two days of a web site', 'worldcup98-first-two-days-per-minute', 240],
  ])('errs no more than the last value and is under-provisioned no more than the larger of line and last value: %s', (_, name, retrainEvery) => {
    const { samples, periodMs } = traffic(name);
    const results = walkForward(samples, rulesFor(periodMs, horizonsFor(periodMs, samples.length)), retrainEvery);

    expect(results.map(({ periods }) => periods)).toEqual(expect.arrayContaining([1, 5, 15]));
    for (const result of results) {
      expect({ missed: missedByOneNumber(result), inUse: missedInUse(result) }).toEqual({ missed: [], inUse: [] });
      const { coverage, champion, deciding } = result;
      expect(deciding.under).toBeLessThanOrEqual(champion.under);
      expect(coverage).toBeGreaterThan(0.85);
      expect(coverage).toBeLessThan(0.95);
    }
  });
});

it.each(GENERATED)('what is expected errs no more than the last value, and what is decided by breaches no more than the larger of line and last value: %s', (kind) => {
  const results = walkForward(generated(kind, 600, 5), rulesFor(60_000, [1, 5, 15]), 60);

  expect(results.map((result) => ({ periods: result.periods, missed: missedInUse(result) }))).toEqual([1, 5, 15].map((periods) => ({ periods, missed: [] })));
});
