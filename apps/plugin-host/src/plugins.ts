import type { SandboxView } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import type { PluginAnswers, PluginRegistry, ProcessFigures, Sandbox, SandboxedFigures, SandboxedPlatform } from '@conductor/plugin-runtime';

const OF_PROCESSES: ReadonlyArray<[name: string, help: string, of: (process: ProcessFigures) => number]> = [
  ['plugin_resident_mb', 'Resident memory of a plugin’s process', ({ rssMb }) => rssMb],
  ['plugin_requests', 'Messages and webhooks that a plugin’s process was given since its start', ({ requests }) => requests],
  ['plugin_processor_seconds', 'Processor time of a plugin’s process since its start', ({ cpuMs }) => cpuMs / 1_000],
  ['plugin_request_processor_seconds', 'Processor time of a plugin’s process while messages were in hand, since its start', ({ requestsCpuMs }) => requestsCpuMs / 1_000],
  ['plugin_processor_seconds_per_request', 'Processor time of a plugin’s process per message, since its start', ({ cpuMsPerRequest }) => cpuMsPerRequest / 1_000],
  ['plugin_event_loop_lag_seconds', 'How long the event loop of a plugin’s process took to answer', ({ lagMs }) => lagMs / 1_000],
];

/** The plugins of this process, as its own door and its metrics show them. */
export class Plugins {
  constructor(
    private readonly registry: PluginRegistry,
    private readonly answers: PluginAnswers,
  ) {}

  find(platform: string): SandboxedPlatform | undefined {
    return this.all().find((one) => one.definition.name === platform);
  }

  figures(): SandboxedFigures[] {
    return this.all().map((platform) => platform.figures());
  }

  /** What stands around plugins on this machine. */
  view(): SandboxView {
    return this.answers.sandbox();
  }

  measure(metrics: AppContext['metrics']): void {
    for (const [name, help, of] of OF_PROCESSES) {
      metrics.gauge(name, help, ['platform', 'pid'], (gauge) => {
        gauge.reset();
        for (const { platform, generations } of this.figures()) for (const { processes } of generations) for (const process of processes) gauge.set({ platform, pid: String(process.pid) }, of(process));
      });
    }
    metrics.gauge('plugin_incidents', 'What plugins tried and were refused, and how their processes ended, since the start', ['platform', 'kind'], (gauge) => {
      for (const { platform, incidents } of this.figures()) for (const [kind, times] of Object.entries(incidents)) gauge.set({ platform, kind }, times);
    });
  }

  private all(): SandboxedPlatform[] {
    return [...this.registry.running.values()].flatMap(({ platforms }) => [...platforms.values()].map(({ sandboxed }) => sandboxed));
  }
}

/** A wall that is missing is said once, at the start. */
export const warnOfMissing = ({ walls, refusal, waived }: Sandbox, logger: AppContext['logger']): void => {
  for (const { name, up, reason, required } of walls.walls) if (!up && required) logger.warn({ wall: name, reason }, 'a wall around plugins is missing');
  if (refusal !== undefined) logger.warn(refusal);
  else if (waived.length > 0) logger.warn({ waived }, `plugins run here although this machine does not isolate their ${waived.join(', ')}, as PLUGIN_ALLOW_MISSING_ISOLATION says: whatever a plugin wants to do there, it can`);
};
