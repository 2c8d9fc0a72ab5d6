import { statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { mem } from 'systeminformation';

/** How the machine is doing besides memory. What cannot be read is absent. */
export interface MachineSample {
  readonly cpuPercent?: number;
  readonly swapUsedMb?: number;
  readonly diskUsedPercent?: number;
  /** How late this process' own timers were at worst since the sample before. */
  readonly eventLoopDelayMs: number;
}

const MB = 1_048_576;

/** Reads the machine's figures; processor time is counted from one reading to the next. */
export class Machine {
  private readonly delay = monitorEventLoopDelay({ resolution: 20 });
  private before = processorTimes();

  /** @param home folder whose disk counts */
  constructor(private readonly home: string) {
    this.delay.enable();
  }

  async sample(): Promise<MachineSample> {
    const [swap, disk] = await Promise.all([mem().catch(() => undefined), statfs(this.home).catch(() => undefined)]);
    const cpuPercent = this.cpuPercent();
    const eventLoopDelayMs = Math.max(0, this.delay.max / 1e6 - 20);
    this.delay.reset();
    return {
      eventLoopDelayMs: Number.isFinite(eventLoopDelayMs) ? eventLoopDelayMs : 0,
      ...(cpuPercent !== undefined && { cpuPercent }),
      ...(swap && { swapUsedMb: swap.swapused / MB }),
      ...(disk && disk.blocks > 0 && { diskUsedPercent: (1 - disk.bavail / disk.blocks) * 100 }),
    };
  }

  close(): void {
    this.delay.disable();
  }

  private cpuPercent(): number | undefined {
    const now = processorTimes();
    const [busy, all] = [now.busy - this.before.busy, now.all - this.before.all];
    this.before = now;
    return all > 0 ? (busy / all) * 100 : undefined;
  }
}

const processorTimes = () => {
  const times = cpus().map(({ times: each }) => each);
  const all = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { all, busy: all - times.reduce((sum, { idle }) => sum + idle, 0) };
};
