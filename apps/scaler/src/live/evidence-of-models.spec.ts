import { until } from '@conductor/testing';
import { Stage } from '../fixtures/stage';
import { DEFAULT_RULES, Forecaster, packed, seriesOf, unpacked } from '../forecast';

let stage: Stage;
afterEach(() => stage?.close());

const MEMORY = seriesOf('memory', 'voice');
/** As the scalers of the stage have them. */
const forecaster = () => new Forecaster({ ...DEFAULT_RULES, periodMs: 200 });

/** What a scaler knows after an hour in which memory rose and fell. */
const anHour = (): string => {
  const gathered = forecaster();
  const now = Date.now();
  for (let at = now - 3_600_000; at <= now; at += 5_000) gathered.observe(MEMORY, at, 300 + 100 * Math.sin(at / 400_000));
  return packed(gathered.evidence(now));
};
const recordsIn = (text: string) => {
  const reader = forecaster();
  const evidence = unpacked(text);
  reader.recall(evidence);
  reader.observe(MEMORY, evidence.at, 300);
  return reader.champions().find(({ horizonMs }) => horizonMs === 60_000)!;
};
const writtenAfter = (at: number) =>
  until(async () => {
    const evidence = await stage.board.evidence();
    expect(unpacked(evidence ?? '').at).toBeGreaterThan(at);
    return evidence!;
  }, 90_000);

describe('evidence about the models', () => {
  it('is handed on from scaler to scaler, also by one that is killed', async () => {
    stage = await Stage.open();
    await stage.platform('voice');
    const before = anHour();
    await stage.board.keepEvidence(before, { name: 'scaler', token: 0 });
    const { model, records } = recordsIn(before);
    expect(model).not.toBe('last-value');
    expect(records[0]!.weight).toBeGreaterThan(100);

    const first = stage.child();
    const handed = await writtenAfter(unpacked(before).at);
    await first.kill();
    await stage.scaler();
    const last = recordsIn(await writtenAfter(Math.max(unpacked(handed).at, Date.now())));
    // It fades by half in an hour; begun anew, there would be none before a minute is over.
    expect(last.records[0]!.weight).toBeGreaterThan(records[0]!.weight / 2);
    expect(last.records[0]!.error).toBeGreaterThan(0);
  }, 240_000);

  it('that cannot be read holds nothing up, and is replaced', async () => {
    stage = await Stage.open();
    await stage.platform('voice');
    await stage.board.keepEvidence('{"half":', { name: 'scaler', token: 0 });
    await stage.scaler();

    expect(unpacked(await until(async () => {
      const evidence = await stage.board.evidence();
      expect(evidence).toMatch(/^\{"at":/);
      return evidence!;
    }, 90_000)).series.has(MEMORY)).toBe(true);
  }, 120_000);

  it('of one that does not know yet that another took over is refused', async () => {
    stage = await Stage.open();
    await stage.context.connections.commands.set(`{${stage.config.namespace}:desired}:fence:scaler`, '2');
    await expect(stage.board.keepEvidence(anHour(), { name: 'scaler', token: 1 })).rejects.toThrow(/newer holder/);
  });
});
