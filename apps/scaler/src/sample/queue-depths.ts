import { QueueProducer } from '@conductor/bus';
import { platformQueue, type QueueContract, type QueueView } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';

/** How much waits for each platform, and since when. */
export class QueueDepths {
  private readonly queues = new Map<string, QueueProducer<QueueContract>>();
  private readonly connection;

  constructor(private readonly context: AppContext) {
    this.connection = context.connections.forProducer();
  }

  /** Those that cannot be asked are absent. */
  async of(platforms: readonly string[]): Promise<Map<string, QueueView>> {
    if (this.connection.status !== 'ready') return new Map();
    const asked = await Promise.all(platforms.map(async (platform) => ({ platform, counts: await this.queue(platform).counts().catch(() => undefined) })));
    return new Map(asked.flatMap(({ platform, counts }) => (counts ? [[platform, counts] as const] : [])));
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  private queue(platform: string): QueueProducer<QueueContract> {
    const queue = this.queues.get(platform) ?? new QueueProducer(platformQueue(platform), this.connection, this.context.connections.namespace);
    this.queues.set(platform, queue);
    return queue;
  }
}
