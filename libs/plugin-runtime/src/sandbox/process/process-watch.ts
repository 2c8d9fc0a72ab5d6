import type { PluginSettings } from '@conductor/contracts';
import type { IncidentKind } from '../incidents';
import type { GenerationSpec, SandboxSettings } from '../spec';
import type { RequestProcessorTime } from './request-processor-time';

/** What is seen of a process at one moment. */
export interface Sight {
  /** Absent where there is no /proc. */
  readonly rssMb: number | undefined;
  readonly lagMs: number;
  readonly initialized: boolean;
}

export interface Reproach {
  readonly kind: IncidentKind;
  /** For a person. */
  readonly reason: string;
}

const SHORTEST_BLOCK_MS = 1_000;
/** Less than this says nothing at a few looks a second. */
const SHORTEST_REQUEST_CPU_MS = 1_000;

/** Processor time that one message may cost: what the manifest says, else half of the time that a message may take. */
export const requestCpuMsOf = ({ requestCpuMs, requestTimeoutMs }: Pick<PluginSettings, 'requestCpuMs' | 'requestTimeoutMs'>): number =>
  requestCpuMs ?? Math.max(SHORTEST_REQUEST_CPU_MS, Math.round(requestTimeoutMs / 2));

/** Judges one process by what it uses: memory, its event loop, processor time for messages and without any. */
export class ProcessWatch {
  constructor(
    private readonly spec: GenerationSpec,
    private readonly settings: SandboxSettings,
    private readonly processorTime: RequestProcessorTime,
  ) {}

  /** @returns why it must end, undefined when it may go on */
  look({ rssMb, lagMs, initialized }: Sight): Reproach | undefined {
    const { memoryMb, requestTimeoutMs } = this.spec.settings;
    if (rssMb !== undefined && rssMb > memoryMb) return { kind: 'memory', reason: `it held ${rssMb} MB, more than the ${memoryMb} MB that its manifest allows` };
    // Loading code may take its time; the start as a whole has a limit.
    if (!initialized) return undefined;
    const longestBlockMs = Math.max(SHORTEST_BLOCK_MS, requestTimeoutMs * 2);
    if (lagMs > longestBlockMs) return { kind: 'blocked', reason: `its event loop did not turn for ${longestBlockMs} ms` };
    return this.costsTooMuch() ?? this.burnsForNothing();
  }

  private costsTooMuch(): Reproach | undefined {
    const { settings } = this.spec;
    const [used, allowed] = [Math.round(this.processorTime.look()), requestCpuMsOf(settings)];
    if (used <= allowed) return undefined;
    const where = settings.requestCpuMs === undefined ? `are allowed with its \`requestTimeoutMs\` of ${settings.requestTimeoutMs} (the manifest may say \`requestCpuMs\`)` : 'its manifest allows (`requestCpuMs`)';
    return { kind: 'processor', reason: `a message cost ${used} ms of processor time, more than the ${allowed} ms that ${where}` };
  }

  private burnsForNothing(): Reproach | undefined {
    const { idleSpinMs, idleSpinShare } = this.settings;
    const idle = this.processorTime.takeIdle(idleSpinMs);
    if (!idle || idle.cpuMs / idle.ms <= idleSpinShare) return undefined;
    return { kind: 'processor', reason: `it used ${Math.round((idle.cpuMs / idle.ms) * 100)} % of a core for ${Math.round(idle.ms)} ms without having anything to do` };
  }
}
