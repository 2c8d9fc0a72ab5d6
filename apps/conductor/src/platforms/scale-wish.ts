import { MOST_CONCURRENCY, MOST_INSTANCES, MOST_POOL_SIZE, type Presence } from '@conductor/contracts';
import type { Presences } from '@conductor/control';
import { Problem } from '@conductor/http';
import { z } from 'zod';
import type { ProcessBoard } from '../processes/process-board';

/** How much of a platform is wanted. What is not named stays as it is; `null` takes the wish back. */
export const ScaleWish = z
  .strictObject({
    instances: z.int().min(1).max(MOST_INSTANCES).nullable().optional().describe('processes that run it, started by the launcher'),
    concurrency: z.int().min(1).max(MOST_CONCURRENCY).nullable().optional().describe('messages each of them has in hand at once'),
    poolSize: z.int().min(1).max(MOST_POOL_SIZE).nullable().optional().describe('sandboxed processes of its plugin in each plugin-host, while there is work'),
  })
  .refine((wish) => Object.values(wish).some((value) => value !== undefined), { message: 'name `instances`, `concurrency` or `poolSize`' }).meta({ example: { instances: 2 } });
export type ScaleWish = z.output<typeof ScaleWish>;

/** Holds a wish against what the platform's definition allows, as its instances tell, and against who could fulfil it. */
export class ScaleBounds {
  constructor(
    private readonly presences: Presences,
    private readonly processes: ProcessBoard,
  ) {}

  /** @throws Problem that says why it cannot be */
  async check(platform: string, { instances, concurrency, poolSize }: ScaleWish): Promise<void> {
    const here = (await this.presences.all()).filter((presence) => presence.platform === platform);
    const atMost = here.find((presence) => presence.atMost)?.atMost;
    if (instances && atMost && instances > atMost.instances) {
      throw new Problem('conflict', `${platform} runs in at most ${atMost.instances === 1 ? 'one process' : `${atMost.instances} processes`}: ${atMost.because}.`);
    }
    if (instances && instances > 1 && (await this.processes.all()).length === 0) {
      throw new Problem('conflict', 'No launcher runs here that could start more processes: set the number of containers in your container engine.');
    }
    if (poolSize) this.checkPool(platform, poolSize, here);
    const most = Math.min(...here.map(({ maxConcurrency }) => maxConcurrency ?? Infinity));
    if (concurrency && concurrency > most) {
      throw new Problem('invalid-request', `An instance of ${platform} has at most ${most} messages in hand at once, as it is defined.`, { errors: [{ field: 'concurrency', message: `must be at most ${most}` }] });
    }
  }
  private checkPool(platform: string, poolSize: number, here: readonly Presence[]): void {
    const pools = here.flatMap(({ pool }) => (pool ? [pool] : []));
    if (pools.length === 0) throw new Problem('conflict', `${platform} has no pool of processes: only a plugin that is in use has one.`);
    const most = Math.min(...pools.map((pool) => pool.most));
    if (poolSize > most) throw new Problem('invalid-request', `${platform} runs in at most ${most === 1 ? 'one sandboxed process' : `${most} sandboxed processes`} a host, as its manifest says.`, { errors: [{ field: 'poolSize', message: `must be at most ${most}` }] });
  }
}
