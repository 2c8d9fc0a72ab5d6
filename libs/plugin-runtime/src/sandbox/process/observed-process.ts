import type { LaunchMeans } from '../walls/launch';
import type { GenerationSpec, SandboxSettings } from '../spec';
import { NetworkSight } from './network-sight';
import { ProcessWatch, type Reproach } from './process-watch';
import { RequestProcessorTime } from './request-processor-time';
import { type Usage, UsageMeter } from './usage';

const NETWORK_EVERY_MS = 1_000;

/** All that is seen of one process from outside: what the kernel says, whatever the plugin in it does. */
export class ObservedProcess {
  readonly processorTime: RequestProcessorTime;
  private readonly meter: UsageMeter;
  private readonly network: NetworkSight | undefined;
  private readonly judge: ProcessWatch;
  private networkAt = 0;

  /** @param onNetwork told what came past our code and reached the end of its network namespace */
  constructor(
    pid: number,
    { namespaces }: LaunchMeans,
    spec: GenerationSpec,
    settings: SandboxSettings,
    private readonly onNetwork: (detail: string) => void,
  ) {
    this.meter = UsageMeter.of(pid);
    this.processorTime = new RequestProcessorTime(() => this.meter.read()?.cpuMs);
    this.judge = new ProcessWatch(spec, settings, this.processorTime);
    // Otherwise it is the network of this machine.
    if (namespaces !== 'none') this.network = NetworkSight.of(pid);
  }

  get usage(): Usage | undefined {
    return this.meter.read();
  }

  /** @returns why it must end, undefined when it may go on */
  look(lagMs: number, initialized: boolean): Reproach | undefined {
    if (performance.now() - this.networkAt >= NETWORK_EVERY_MS) this.lookAtNetwork();
    return this.judge.look({ rssMb: this.meter.read()?.rssMb, lagMs, initialized });
  }

  /** To be called when it has ended: what it did last is told, too. */
  close(): void {
    this.lookAtNetwork();
    this.network?.close();
    this.meter.close();
  }

  private lookAtNetwork(): void {
    this.networkAt = performance.now();
    this.network?.look().forEach((detail) => this.onNetwork(detail));
  }
}
