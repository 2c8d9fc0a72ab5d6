import { Lease, PlatformDirectory, Presences } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { MetricsWriter, TransitionLog } from '@conductor/persistence';
import { CheckRecorder } from './check-recorder';
import { CheckRounds } from './check-rounds';
import { CurrentHealth } from './current-health';
import { Gauges } from './gauges';
import { HealthMonitor } from './health-monitor';
import { rulesFrom } from './judgement/rules';
import { Leadership } from './leadership';
import { addProbes } from './probes';
import { RedisOutages } from './redis-outages';
import { Roster } from './roster';
import { timingFrom } from './timing';
import { Verdicts } from './verdicts';

/** Puts a monitor together and starts it. What it holds is let go through `context.resources`. */
export const openMonitor = async (context: AppContext, history: { metrics: MetricsWriter; transitions: TransitionLog }): Promise<HealthMonitor> => {
  const { config, connections, instance, logger, notices, resources } = context;
  const [rules, timing] = [rulesFrom(config), timingFrom(config)];

  const directory = new PlatformDirectory(connections, notices, logger);
  await directory.open();
  resources.hold('platform directory', directory, (open) => open.close());

  const roster = new Roster(rules);
  const verdicts = new Verdicts(directory, roster, history.transitions, rules, logger);
  const gauges = new Gauges(context.metrics);
  const monitor = new HealthMonitor({
    connections,
    notices,
    directory,
    presences: new Presences(connections),
    leadership: new Leadership(new Lease(connections, 'health-monitor', instance, timing.leaseMs), timing.leaseMs),
    outages: resources.hold('Redis outages', new RedisOutages(connections), (outages) => outages.close()),
    rounds: new CheckRounds(connections, instance, logger),
    roster,
    verdicts,
    current: new CurrentHealth(connections),
    recorder: new CheckRecorder(history.metrics, rules),
    timing,
    presenceTtlMs: rules.presenceTtlMs,
    logger,
    onTick: (figures) => gauges.tick(figures),
  });
  gauges.show(monitor, verdicts);
  addProbes(context, monitor, history);
  await monitor.open();
  return resources.hold('health monitor', monitor, (open) => open.close());
};
