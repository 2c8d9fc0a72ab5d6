import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLLUP_MS } from '@conductor/contracts';
import { openDatabase, ScalingHistory } from '@conductor/persistence';
import { DEFAULT_RULES, Forecaster, type Sample, type Series, seriesOf } from '../forecast';
import { trainingDataOf } from './training-data-of';
import { runTraining, TrainingFailed } from './training-run';

const PERIOD = 5_000;
const QUARTER = 15 * 60_000;
const DAY = 86_400_000;
const RATE = seriesOf('rate', 'discord');
/** The trainer from its source; elsewhere it is built. */
const program = ['--require', join(__dirname, '..', '..', '..', '..', 'libs', 'testing', 'src', 'run-typescript.cjs'), join(__dirname, 'main.ts')];

const NOW = 20 * DAY + 15 * 3_600_000;
/** A busy afternoon every day, and a little noise that is the same each time. */
const demandAt = (at: number): number => 100 + 60 * Math.sin((2 * Math.PI * at) / DAY) + 5 * Math.sin(at / 7_777);

const followed = (): Forecaster => {
  const forecaster = new Forecaster();
  for (let at = NOW - DEFAULT_RULES.historyMs; at <= NOW; at += PERIOD) forecaster.observe(RATE, at, demandAt(at));
  return forecaster;
};

const rollups = (days: number): ReadonlyMap<Series, { everyMs: number; samples: Sample[] }> => {
  const samples = Array.from({ length: days * 96 }, (_, index) => NOW - NOW % QUARTER - (days * 96 - index) * QUARTER).map((at) => ({ at, value: demandAt(at) }));
  return new Map([[RATE, { everyMs: QUARTER, samples }]]);
};

// Danfo.js takes a second to load on an idle machine, and much longer on a busy one.
jest.setTimeout(180_000);
const deadlineMs = 120_000;

describe('a training run', () => {
  it('learns in a process of its own, which is gone when it is done, and its forecaster goes on with that', async () => {
    const forecaster = followed();
    const { learned, pid } = await runTraining(trainingDataOf(forecaster, rollups(14), NOW), { program, deadlineMs });

    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(learned.trainedAt).toBe(NOW);
    const { regression, holt, profile } = learned.series[RATE]!;
    expect(Object.keys(regression)).toEqual(['60000', '300000', '900000']);
    expect(holt).toMatchObject({ stepMs: PERIOD });
    expect(profile!.slots).toHaveLength(96);
    // Six in the morning is the height of it, UTC; six in the evening the depth.
    expect(profile!.slots[24]! / profile!.slots[72]!).toBeGreaterThan(3);

    forecaster.learn(learned);
    const seasonal = forecaster.shadows(RATE, 15 * 60_000).find(({ model }) => model === 'seasonal')!;
    expect(Math.abs(seasonal.point - demandAt(NOW + 15 * 60_000))).toBeLessThan(12);
  });

  it('reads the days before from the database itself, and does without when there is none', async () => {
    const home = mkdtempSync(join(tmpdir(), 'conductor-training-'));
    const data = { ...trainingDataOf(followed(), new Map(), NOW), database: { home } };
    const without = await runTraining(data, { program, deadlineMs });
    expect(without.learned.series[RATE]!.profile).toBeUndefined();

    const database = await openDatabase({ home });
    await database.migrate();
    const rows = Array.from({ length: 14 * 288 }, (_, index) => NOW - (NOW % ROLLUP_MS.fine) - (index + 1) * ROLLUP_MS.fine).map((at) => ({ bucketMs: ROLLUP_MS.fine, series: RATE, at, writer: 'a', samples: 60, mean: demandAt(at), max: demandAt(at) }));
    await new ScalingHistory(database).write(rows);
    await database.close();
    const { learned } = await runTraining({ ...trainingDataOf(followed(), new Map(), NOW), database: { home } }, { program, deadlineMs });
    rmSync(home, { recursive: true });

    const { slots } = learned.series[RATE]!.profile!;
    expect(slots[24]! / slots[72]!).toBeGreaterThan(3);
  });

  it('learns what it can from little: no profile before there is a day', async () => {
    const forecaster = new Forecaster();
    for (let at = 0; at < 10; at++) forecaster.observe(RATE, at * PERIOD, 0);
    const { learned } = await runTraining(trainingDataOf(forecaster, new Map(), 10 * PERIOD), { program, deadlineMs });

    expect(learned.series).toEqual({ [RATE]: { regression: {} } });
  });

  it.each([
    ['that dies says how and why', ['-e', 'process.stderr.write("no memory left"); process.exit(3)'], {}, 'it ended with code 3: no memory left'],
    ['that takes too long is killed', ['-e', 'setInterval(() => undefined, 1000)'], { deadlineMs: 300 }, 'it took longer than 0.3 s and was killed'],
    ['that is called off ends', ['-e', 'setInterval(() => undefined, 1000)'], { signal: AbortSignal.abort() }, 'it was called off'],
    ['that writes nonsense brings nothing', ['-e', 'console.log("{}")'], {}, 'what it wrote is not what a training run writes'],
    ['without its program says what to do', [join(__dirname, 'nowhere.js')], {}, 'it ended with code 1'],
  ])('%s', async (_, otherProgram, options, reason) => {
    const run = runTraining(trainingDataOf(new Forecaster(), new Map(), 0), { deadlineMs, ...options, program: otherProgram });

    await expect(run).rejects.toThrow(TrainingFailed);
    await expect(run).rejects.toThrow(`A training run failed and the models keep what they learned before: ${reason}`);
  });

  it('refuses data that is none', async () => {
    const run = runTraining({ now: 0, horizonsMs: [], windowMs: 1, periodMs: 1, series: [] }, { program, deadlineMs });
    await expect(run).rejects.toThrow(/it ended with code 1: .*horizonsMs/s);
  });
});
