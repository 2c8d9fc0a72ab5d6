import { DEFAULT_RULES, Forecaster, type ForecastRules, packed, seriesOf, unpacked } from '.';

const PERIOD = 5_000;
const QUICK: ForecastRules = { ...DEFAULT_RULES, horizonsMs: [PERIOD, 5 * PERIOD], windowMs: 30 * PERIOD, historyMs: 90 * PERIOD, memoryMs: 60 * PERIOD, dwellMs: 10 * PERIOD, benchAfterMs: 60 * PERIOD };
const RATE = seriesOf('rate', 'discord');
const START = Date.UTC(2026, 2, 2, 12);
const END = START + 599 * PERIOD;
/** Restless around a level. */
const demandAt = (index: number): number => 100 + 40 * Math.sin(index * 12.9898) * Math.sin(index * 78.233);

const experienced = (): Forecaster => {
  const forecaster = new Forecaster(QUICK);
  for (let index = 0; index < 600; index++) forecaster.observe(RATE, START + index * PERIOD, demandAt(index));
  return forecaster;
};
const withDefined = (champions: ReturnType<Forecaster['champions']>) => champions.map(({ series, horizonMs, model, records }) => ({ series, horizonMs, model, records: records.map(({ error, under, coverage, weight, lead }) => [error, under, coverage, weight, lead].map((figure) => Math.fround(figure).toPrecision(4))) }));

describe('evidence about the models', () => {
  it('outlives the process: another goes on with the same champions, errors, under-provisioning and dwell', () => {
    const before = experienced();
    const text = packed(before.evidence(END));
    const after = new Forecaster(QUICK);
    after.recall(unpacked(text));
    after.observe(RATE, END, demandAt(599));

    expect(before.champions().map(({ model }) => model)).not.toContain('last-value');
    expect(withDefined(after.champions())).toEqual(withDefined(before.champions()));
    for (const [index, { since }] of after.champions().entries()) expect(Math.abs(since - before.champions()[index]!.since)).toBeLessThan(1_000);
    const [mine, others] = [after.forecast(RATE, PERIOD)!, before.forecast(RATE, PERIOD)!];
    expect({ error: mine.error, under: mine.under }).toEqual({ error: expect.closeTo(others.error!, 4), under: expect.closeTo(others.under!, 4) });
  });

  it('fades while nobody gathers any', () => {
    const after = new Forecaster(QUICK);
    after.recall(unpacked(packed(experienced().evidence(END))));
    const at = END + QUICK.memoryMs;
    const [before] = experienced().champions();
    for (let index = 0; index < 3; index++) after.observe(RATE, at + index * PERIOD, demandAt(index));
    expect(after.champions()[0]!.records[0]!.weight).toBeLessThan(before!.records[0]!.weight * 0.6);
  });

  it('takes less than three kilobytes for a series and look-ahead', () => {
    expect(packed(experienced().evidence(END)).length / QUICK.horizonsMs.length).toBeLessThan(3_000);
  });

  it('that is about something else, or damaged, is refused as a whole', () => {
    const { at, about, series } = experienced().evidence(END);
    const fresh = () => new Forecaster(QUICK);
    const broken = series.get(RATE)!.slice();
    broken[7] = NaN;
    expect(() => new Forecaster(DEFAULT_RULES).recall({ at, about, series })).toThrow(/other models, look-aheads or windows/);
    expect(() => fresh().recall({ at, about, series: new Map([[RATE, broken]]) })).toThrow(/no number/);
    expect(() => fresh().recall({ at, about, series: new Map([[RATE, broken.subarray(0, 50)]]) })).toThrow(RangeError);
    const text = packed({ at, about, series });
    expect(() => unpacked(text.slice(0, -9))).toThrow();
    expect(() => unpacked(text.replace(/"bytes":".{8}/, '"bytes":"'))).toThrow(/figures/);
    expect(() => unpacked('nonsense')).toThrow();
  });
});
