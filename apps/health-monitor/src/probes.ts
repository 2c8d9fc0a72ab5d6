import type { AppContext } from '@conductor/http';
import type { MetricsWriter, TransitionLog } from '@conductor/persistence';
import type { HealthMonitor } from './health-monitor';

/** A tick may be late, and one may be lost to a restart of Redis. */
const PERIODS = 2.5;

/** It is ready when it acts and its ticks come in time, or when it stands by and would know if it were its turn. */
export const addProbes = (context: AppContext, monitor: HealthMonitor, history: { metrics: MetricsWriter; transitions: TransitionLog }): void => {
  const overdueMs = PERIODS * context.config.health.intervalMs;
  const watch = () => {
    if (!context.connections.isReady) return { up: false, reason: 'Redis is not reachable' };
    const [doing, at] = monitor.isActing ? ['acting', monitor.lastTickAt] : ['standing by', monitor.lastWatchAt];
    const ageMs = Date.now() - at;
    return ageMs <= overdueMs ? { up: true, reason: doing } : { up: false, reason: `${doing}, but nothing was done for ${Math.round(ageMs / 1_000)} s` };
  };
  context.readiness.push({ name: 'watch', check: watch });
  context.flow.push(
    { name: 'watch', check: watch },
    {
      name: 'history',
      check: () => {
        const [metrics, transitions] = [history.metrics.stats(), history.transitions.stats()];
        const { lastError } = metrics.lastError ? metrics : transitions;
        const waiting = metrics.buffered + transitions.buffered;
        return lastError ? { up: false, reason: `the database takes no history (${lastError.message}); ${waiting} rows wait` } : { up: true, reason: `${waiting} rows wait to be written` };
      },
    },
  );
};
