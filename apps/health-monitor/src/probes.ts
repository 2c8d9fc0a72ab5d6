import type { HistoryFeed } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { HealthMonitor } from './health-monitor';

/** A tick may be late, and one may be lost to a restart of Redis. */
const PERIODS = 2.5;

/** It is ready when it acts and its ticks come in time, or when it stands by and would know if it were its turn. */
export const addProbes = (context: AppContext, monitor: HealthMonitor, history: HistoryFeed): void => {
  const overdueMs = PERIODS * context.config.health.intervalMs;
  const watch = () => {
    if (!context.connections.isReady) return { up: false, reason: 'Redis is not reachable' };
    const [doing, at] = monitor.isActing ? ['acting', monitor.lastTickAt] : ['standing by', monitor.lastWatchAt];
    const ageMs = Date.now() - at;
    return ageMs <= overdueMs ? { up: true, reason: doing } : { up: false, reason: `${doing}, but nothing was done for ${Math.round(ageMs / 1_000)} s` };
  };
  context.readiness.push({ name: 'watch', check: watch });
  context.flow.push({ name: 'watch', check: watch }, { name: 'history', check: () => history.health() });
};
