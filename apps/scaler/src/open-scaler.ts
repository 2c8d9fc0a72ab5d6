import { FencedLease, HistoryFeed, PlatformDirectory, ScalingBoard } from '@conductor/control';
import { DEFAULT_RULES, Forecaster, hostTimeZone } from './forecast';
import type { AppContext } from '@conductor/http';
import { DesiredStateActuator } from './act/desired-state-actuator';
import { Foreseer } from './foresee/foreseer';
import { DecisionMaker } from './live/decision-maker';
import { EvidenceOfModels } from './live/evidence-of-models';
import { Gauges } from './live/gauges';
import { Leadership } from './live/leadership';
import { MemoryOfScalers } from './live/memory-of-scalers';
import { Scaler } from './live/scaler';
import { Training } from './live/training';
import { TrainingPackages } from './trainer/training-packages';
import { Sampler } from './sample/sampler';
import { type ScalerConfig, scalerConfig } from './scaler-config';
import { Rollups } from './window/rollups';
import { Window } from './window/window';

/** Another scaler takes over this long after the acting one fell silent. */
const LEASE_MS = 8_000;
/** A look may be late, and one may be lost to a restart of Redis. */
const PERIODS = 3;

export interface OpenedScaler {
  readonly scaler: Scaler;
  readonly window: Window;
}

/** Puts a scaler together and starts it. What it holds is let go through `context.resources`. */
export const openScaler = async (context: AppContext): Promise<OpenedScaler> => {
  const { config, connections, instance, logger, metrics, notices, resources } = context;
  const openedAt = Date.now();
  const own = scalerConfig(config);
  const { intervalMs, training: trains } = own;
  await connections.untilReady();

  const history = resources.hold('history feed', new HistoryFeed(connections, logger), (open) => open.close());
  const rollups = resources.hold('roll-ups', new Rollups(instance, (row) => history.add('scaling-rollup', row)), (open) => open.flush());

  const directory = resources.hold('platform directory', new PlatformDirectory(connections, notices, logger), (open) => open.close());
  await directory.open();
  const board = new ScalingBoard(connections, notices);
  const leadership = new Leadership(new FencedLease(connections, 'scaler', instance, LEASE_MS), LEASE_MS);

  const forecaster = new Forecaster({ ...DEFAULT_RULES, periodMs: intervalMs, timeZone: hostTimeZone() });
  const foreseer = new Foreseer(forecaster);
  const gauges = new Gauges(metrics, () => leadership.token !== undefined, () => forecaster.champions());
  const packages = resources.hold('packages of training', new TrainingPackages(logger), (open) => open.close());
  const training = resources.hold('training', new Training({ forecaster, database: config, packages, logger, onRun: (tookMs) => gauges.trained(tookMs) }), (open) => open.close());
  let policy = (await board.policy()).policy;
  notices.on('scaling-policy', (notice) => (policy = notice.policy.policy));
  const maker = new DecisionMaker({
    by: instance,
    board,
    memory: new MemoryOfScalers(board),
    foreseer,
    actuator: new DesiredStateActuator(directory, () => policy),
    history,
    notices,
    logger,
    onDecided: (decision) => gauges.decided(decision),
    onTurn: (tookMs) => gauges.turned(tookMs),
  });
  const window = new Window(1_800_000, intervalMs);
  const sampler = resources.hold('sampler', new Sampler(context, directory, own), (open) => open.close());
  const scaler = new Scaler({
    context, intervalMs, sampler, board, leadership, maker, forecaster, foreseer, evidence: new EvidenceOfModels(forecaster, board, logger), window, rollups,
    trainingState: () => (trains ? training.state : { state: 'off', reason: 'SCALER_TRAINING is false', at: openedAt }),
    onSample: (sample) => gauges.sampled(sample),
    onPeriod: (now, roomMb) => {
      if (trains) training.whenDue(now, roomMb);
    },
  });
  addProbes(context, scaler, history, own);
  await scaler.open();
  resources.hold('scaler', scaler, (open) => open.close());
  return { scaler, window };
};

/** It is ready when its looks come in time, and, where it decides, its turns. */
const addProbes = (context: AppContext, scaler: Scaler, history: HistoryFeed, { intervalMs }: ScalerConfig): void => {
  const openedAt = Date.now();
  const overdueMs = Math.max(15_000, PERIODS * intervalMs);
  const watch = () => {
    if (!context.connections.isReady) return { up: false, reason: 'Redis is not reachable' };
    const [doing, at] = scaler.isActing ? ['deciding', scaler.lastTurnAt] : ['standing by', scaler.lastSampleAt];
    const ageMs = Date.now() - Math.max(openedAt, at);
    return ageMs <= overdueMs ? { up: true, reason: doing } : { up: false, reason: `${doing}, but the latest look was ${Math.round(ageMs / 1_000)} s ago` };
  };
  context.readiness.push({ name: 'looks', check: watch });
  context.flow.push({ name: 'looks', check: watch }, { name: 'history', check: () => history.health() });
};
