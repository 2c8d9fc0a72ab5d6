import type { SandboxView } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import type { PluginAnswers, PluginRegistry, Sandbox, SandboxedFigures, SandboxedPlatform } from '@conductor/plugin-runtime';

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
    const each = () => this.figures().flatMap(({ platform, generations }) => generations.flatMap(({ processes }) => processes.map((process) => ({ platform, process }))));
    metrics.gauge('plugin_resident_mb', 'Resident memory of a plugin’s process', ['platform', 'pid'], (gauge) => {
      gauge.reset();
      for (const { platform, process } of each()) gauge.set({ platform, pid: String(process.pid) }, process.rssMb);
    });
    metrics.gauge('plugin_processor_seconds', 'Processor time of a plugin’s process since its start', ['platform', 'pid'], (gauge) => {
      gauge.reset();
      for (const { platform, process } of each()) gauge.set({ platform, pid: String(process.pid) }, process.cpuMs / 1_000);
    });
    metrics.gauge('plugin_incidents', 'What plugins tried and were refused, and how their processes ended, since the start', ['platform', 'kind'], (gauge) => {
      for (const { platform, incidents } of this.figures()) for (const [kind, times] of Object.entries(incidents)) gauge.set({ platform, kind }, times);
    });
  }

  private all(): SandboxedPlatform[] {
    return [...this.registry.running.values()].flatMap(({ platforms }) => [...platforms.values()].map(({ sandboxed }) => sandboxed));
  }
}

/** A wall that is missing is said once, at the start. */
export const warnOfMissing = ({ walls }: Sandbox, logger: AppContext['logger']): void => {
  for (const { name, up, reason, required } of walls.walls) if (!up && required) logger.warn({ wall: name, reason }, 'a wall around plugins is missing');
};
