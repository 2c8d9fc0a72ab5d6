import { HistoryFeed, Lease, PlatformDirectory, Presences } from '@conductor/control';
import type { AppContext } from '@conductor/http';
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
export const openMonitor = async (context: AppContext): Promise<HealthMonitor> => {
  const { config, connections, instance, logger, notices, resources } = context;
  const [rules, timing] = [rulesFrom(config), timingFrom(config)];

  // Its last checks go there, so it is closed after everything else.
  const history = resources.hold('history feed', new HistoryFeed(connections, logger), (open) => open.close());
  const directory = new PlatformDirectory(connections, notices, logger);
  await directory.open();
  resources.hold('platform directory', directory, (open) => open.close());

  const roster = new Roster(rules);
  const verdicts = new Verdicts(directory, roster, history, rules, logger);
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
    recorder: new CheckRecorder(history, rules),
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
