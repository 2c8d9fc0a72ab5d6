import type { IncidentKind } from '../incidents';
import type { GenerationSpec, SandboxSettings } from '../spec';
import type { Usage } from './usage';

/** What is seen of a process at one moment. */
export interface Sight {
  /** Absent where there is no /proc. */
  readonly usage: Usage | undefined;
  readonly lagMs: number;
  readonly inHand: number;
  readonly initialized: boolean;
}

export interface Reproach {
  readonly kind: IncidentKind;
  /** For a person. */
  readonly reason: string;
}

const SHORTEST_BLOCK_MS = 1_000;

/** Judges one process by what it uses: memory, its event loop, processor time without work. */
export class ProcessWatch {
  /** When it was last seen at work, and the processor time until then. */
  private restingSince?: { at: number; cpuMs: number };

  constructor(
    private readonly spec: GenerationSpec,
    private readonly settings: SandboxSettings,
  ) {}

  /** @returns why it must end, undefined when it may go on */
  look({ usage, lagMs, inHand, initialized }: Sight): Reproach | undefined {
    const { memoryMb, requestTimeoutMs } = this.spec.settings;
    if (usage && usage.rssMb > memoryMb) return { kind: 'memory', reason: `it held ${usage.rssMb} MB, more than the ${memoryMb} MB that its manifest allows` };
    // Loading code may take its time; the start as a whole has a limit.
    if (!initialized) return undefined;
    const longestBlockMs = Math.max(SHORTEST_BLOCK_MS, requestTimeoutMs * 2);
    if (lagMs > longestBlockMs) return { kind: 'blocked', reason: `its event loop did not turn for ${longestBlockMs} ms` };
    return usage && this.burns(usage.cpuMs, inHand);
  }

  private burns(cpuMs: number, inHand: number): Reproach | undefined {
    const { idleSpinMs, idleSpinShare } = this.settings;
    const now = performance.now();
    const before = this.restingSince;
    if (inHand > 0 || !before) {
      this.restingSince = { at: now, cpuMs };
      return undefined;
    }
    if (now - before.at < idleSpinMs) return undefined;
    const share = (cpuMs - before.cpuMs) / (now - before.at);
    this.restingSince = { at: now, cpuMs };
    if (share <= idleSpinShare) return undefined;
    return { kind: 'processor', reason: `it used ${Math.round(share * 100)} % of a core for ${idleSpinMs} ms without having anything to do` };
  }
}
