import { QueueProducer } from '@conductor/bus';
import { inboundQueue, platformQueue, type QueueContract, type QueueView } from '@conductor/contracts';
import type { PlatformDirectory } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { Queue } from 'bullmq';

/** The queues of all platforms, as they become known. */
export class QueueWatch {
  private readonly producers = new Map<string, QueueProducer<QueueContract>>();
  private readonly connection;
  private readonly listeners: Array<(queue: Queue) => void> = [];

  constructor(
    private readonly context: AppContext,
    private readonly directory: PlatformDirectory,
  ) {
    this.connection = context.connections.forProducer();
    const meet = (platform: string) => void this.producer(platformQueue(platform));
    directory.verdicts.onChange(meet);
    directory.desired.onChange(meet);
    this.producer(inboundQueue);
  }

  /** Calls back for every queue there is and will be. */
  onQueue(listener: (queue: Queue) => void) {
    this.listeners.push(listener);
    for (const { queue } of this.producers.values()) listener(queue);
  }

  counts(platform: string): Promise<QueueView> {
    return this.producer(platformQueue(platform)).counts();
  }

  /** Sums over all platforms and the inbound queue. */
  async totals(): Promise<{ waiting: number; active: number; delayed: number }> {
    for (const platform of this.directory.names()) this.producer(platformQueue(platform));
    const all = await Promise.all([...this.producers.values()].map((producer) => producer.counts()));
    return all.reduce((sum, { waiting, active, delayed }) => ({ waiting: sum.waiting + waiting, active: sum.active + active, delayed: sum.delayed + delayed }), { waiting: 0, active: 0, delayed: 0 });
  }

  names(): string[] {
    return [...this.producers.keys()];
  }

  async close(): Promise<void> {
    await Promise.all([...this.producers.values()].map((producer) => producer.close()));
  }

  private producer(contract: QueueContract): QueueProducer<QueueContract> {
    let producer = this.producers.get(contract.name);
    if (!producer) {
      producer = new QueueProducer(contract, this.connection, this.context.connections.namespace);
      this.producers.set(contract.name, producer);
      for (const listener of this.listeners) listener(producer.queue);
    }
    return producer;
  }
}
