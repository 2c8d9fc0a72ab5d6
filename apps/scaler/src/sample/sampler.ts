import { hostname } from 'node:os';
import { type PlatformDirectory, Presences } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { Observation } from '../decide';
import type { ScalerConfig } from '../scaler-config';
import { readCgroupMemory, readPressure } from './cgroup';
import { Machine, type MachineSample } from './machine';
import { memoryAgainstWall } from './memory-wall';
import { observePlatforms, observeUnits, type Readings } from './platform-sampler';
import { readProcessTree } from './process-tree';
import { QueueDepths } from './queue-depths';
import { Rates } from './rates';
import { Units } from './units';

export interface Sample {
  readonly seen: Observation;
  readonly machine: MachineSample;
}

/** An instance that did not say anything for so many times its time to live is not there. */
const SILENT_FACTOR = 2;

/** Looks at everything once. Whatever cannot be read is absent; only Redis being away makes a look fail. */
export class Sampler {
  private readonly presences;
  private readonly queues;
  private readonly rates = new Rates();
  private readonly units = new Units();
  private readonly machine;

  constructor(
    private readonly context: AppContext,
    private readonly directory: PlatformDirectory,
    private readonly own: ScalerConfig,
  ) {
    this.presences = new Presences(context.connections);
    this.queues = new QueueDepths(context);
    this.machine = new Machine(context.config.home);
  }

  /** @throws when Redis is away */
  async sample(): Promise<Sample> {
    const { connections, config } = this.context;
    const [all, ours, cgroup, pressure, machine] = await Promise.all([this.presences.all(), this.ownProcesses(), readCgroupMemory(), readPressure(), this.machine.sample()]);
    const now = Date.now();
    const presences = all.filter(({ at }) => now - at < config.health.presenceTtlMs * SILENT_FACTOR);
    const here = hostname();
    const platformPids = presences.filter(({ host }) => host === here).map(({ pid }) => pid);
    const own = [...ours, ...platformPids];
    const processes = await readProcessTree(own);
    const units = this.units.of(presences);
    const queues = connections.isReady ? await this.queues.of([...units.keys()]) : new Map();
    const desired = new Map(this.directory.desired.all().map((state) => [state.platform, state]));
    const readings: Readings = { presences, desired, units, processes, rates: this.rates.of(presences, now), queues };
    const memory = memoryAgainstWall(this.own, cgroup, processes.totalMb(own));
    // Inside a limit its own pressure counts.
    const pressurePercent = memory?.wall === 'cgroup' ? (cgroup?.pressurePercent ?? pressure) : pressure;
    const seen: Observation = {
      at: now,
      ...(memory && { memory }),
      ...(pressurePercent !== undefined && { pressurePercent }),
      platforms: observePlatforms(readings),
      units: observeUnits(readings),
    };
    return { seen, machine };
  }

  async close(): Promise<void> {
    this.machine.close();
    await this.queues.close();
  }

  /** Processes of the launcher, Redis among them, and the launcher itself where it started this one. */
  private async ownProcesses(): Promise<number[]> {
    const { commands, namespace } = this.context.connections;
    const announced = (await commands.hvals(`${namespace}:processes`)).map((json) => (JSON.parse(json) as { pid?: number }).pid).filter((pid) => pid !== undefined);
    return [...announced, process.pid, ...(process.connected ? [process.ppid] : [])];
  }
}
