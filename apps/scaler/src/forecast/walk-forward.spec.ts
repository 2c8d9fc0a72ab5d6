import { join } from 'node:path';
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
    for (const { models, larger, champion, deciding, coverage } of results) {
      expect(champion.error).toBeLessThanOrEqual(models['last-value'].error);
      expect(champion.under).toBeLessThanOrEqual(larger.under);
      expect(deciding.under).toBeLessThanOrEqual(champion.under);
      expect(coverage).toBeGreaterThan(0.85);
      expect(coverage).toBeLessThan(0.95);
    }
  });
});
