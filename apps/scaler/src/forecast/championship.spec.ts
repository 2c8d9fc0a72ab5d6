import { Championship } from './championship';
import { MODEL_NAMES, type ModelName, type TrackRecord } from './forecast';
import { DEFAULT_RULES } from './rules';

const MINUTE = 60_000;

/** Everybody errs by 10 %, but for those named; who errs less does so beyond chance. */
const records = (errors: Partial<Record<ModelName, number>>, weight = 100): TrackRecord[] =>
  MODEL_NAMES.map((model) => {
    const error = errors[model] ?? 0.1;
    return { model, weight, error, under: 0, lead: error < 0.1 ? 2 : 0, coverage: 0.9 };
  });

describe('the championship of models', () => {
  it('begins with the last value', () => {
    const championship = new Championship(DEFAULT_RULES);
    expect(championship.review(0, records({}))).toEqual([]);
    expect(MODEL_NAMES[championship.champion]).toBe('last-value');
  });

  it('goes to the one with the smaller error by the margin, after the dwell', () => {
    const championship = new Championship(DEFAULT_RULES);
    championship.review(0, records({}));
    expect(championship.review(9 * MINUTE, records({ 'damped-holt': 0.05 }))).toEqual([]);
    expect(championship.review(10 * MINUTE, records({ 'damped-holt': 0.098 }))).toEqual([]);
    expect(championship.review(11 * MINUTE, records({ 'damped-holt': 0.09 }))).toEqual([
      { kind: 'champion', model: 'damped-holt', replaced: 'last-value', reason: 'damped-holt (error 9.0 %, under-provisioned 0.0 %) takes over from last-value (error 10.0 %, under-provisioned 0.0 %)' },
    ]);
    expect(championship.review(20 * MINUTE, records({ 'damped-holt': 0.09, linear: 0.01 }))).toEqual([]);
    expect(championship.review(21 * MINUTE, records({ 'damped-holt': 0.09, linear: 0.01 }))).toMatchObject([{ kind: 'champion', model: 'linear', replaced: 'damped-holt' }]);
  });

  it('waits for evidence', () => {
    const championship = new Championship(DEFAULT_RULES);
    championship.review(0, records({}));
    expect(championship.review(60 * MINUTE, records({ linear: 0.01 }, 19))).toEqual([]);
  });

  it('stays with the last value while it may be chance that another errs less, unless the series itself is known to be predictable', () => {
    const byChance = records({ blend: 0.05, linear: 0.05 }).map((record) => ({ ...record, lead: 0.4 }));
    const championship = new Championship(DEFAULT_RULES);
    championship.review(0, byChance);
    expect(championship.review(60 * MINUTE, byChance, 0.5)).toEqual([]);
    expect(championship.review(61 * MINUTE, byChance, 3)).toMatchObject([{ kind: 'champion', model: 'blend', replaced: 'last-value' }]);
  });

  it('goes to the blend as soon as there is evidence, and from it only to one that errs much less', () => {
    const championship = new Championship(DEFAULT_RULES);
    championship.review(0, records({}));
    expect(championship.review(MINUTE, records({ blend: 0.09, linear: 0.085 }, 10))).toMatchObject([{ kind: 'champion', model: 'blend' }]);
    expect(championship.review(20 * MINUTE, records({ blend: 0.09, linear: 0.08 }))).toEqual([]);
    expect(championship.review(21 * MINUTE, records({ blend: 0.09, linear: 0.07 }))).toMatchObject([{ kind: 'champion', model: 'linear' }]);
  });

  it('benches who loses to the last value for an hour, and takes them back when they win by the margin', () => {
    const championship = new Championship(DEFAULT_RULES);
    const losing = { linear: 0.12 };
    championship.review(0, records(losing));
    expect(championship.review(59 * MINUTE, records(losing))).toEqual([]);
    expect(championship.review(60 * MINUTE, records(losing))).toMatchObject([{ kind: 'benched', model: 'linear', reason: expect.stringContaining('for 60 min') }]);
    expect(championship.review(61 * MINUTE, records({ linear: 0.099 }))).toEqual([]);
    expect(championship.review(62 * MINUTE, records({ linear: 0.09 }))).toMatchObject([
      { kind: 'back-from-bench', model: 'linear' },
      { kind: 'champion', model: 'linear' },
    ]);
  });

  it('does not bench who wins once within the hour', () => {
    const championship = new Championship(DEFAULT_RULES);
    championship.review(0, records({ linear: 0.12 }));
    championship.review(30 * MINUTE, records({ linear: 0.1 }));
    expect(championship.review(80 * MINUTE, records({ linear: 0.12 }))).toEqual([]);
  });

  it('takes the championship from who is benched, without a margin', () => {
    const championship = new Championship(DEFAULT_RULES);
    championship.review(0, records({}));
    championship.review(10 * MINUTE, records({ linear: 0.05 }));
    championship.review(20 * MINUTE, records({ linear: 0.101 }));
    expect(championship.review(80 * MINUTE, records({ linear: 0.101 }))).toMatchObject([
      { kind: 'benched', model: 'linear' },
      { kind: 'champion', model: 'last-value', replaced: 'linear' },
    ]);
  });
});
