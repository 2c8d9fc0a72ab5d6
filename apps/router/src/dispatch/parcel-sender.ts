import { randomUUID } from 'node:crypto';
import { Coalescer, type Ledger, messageBytes, QueueProducer } from '@conductor/bus';
import { type Delivery, platformQueue, type TrailStep } from '@conductor/contracts';
import type { Redis } from 'ioredis';

/** A parcel holds about this much work: more would keep messages from an instance that idles. */
const PARCEL_WORK_MS = 20;
const LARGEST_PARCEL = 32;
/** How much a new measurement counts against what was known. */
const SMOOTHING = 0.1;

interface Outgoing {
  delivery: Delivery;
  /** First steps of a message that is not written down yet. */
  unwritten?: TrailStep[] | undefined;
}

interface Lane {
  producer: QueueProducer<ReturnType<typeof platformQueue>>;
  parcels: Coalescer<Outgoing>;
  /** Smoothed milliseconds the platform takes for one message; a stranger counts as slow and gets its messages one by one. */
  platformMs: number;
  isMeasured: boolean;
}

/** Puts deliveries on the queues of their platforms, several in one job where the platform is fast and they come together. */
export class ParcelSender {
  private readonly lanes = new Map<string, Lane>();

  /** @param connection the ledger's own, so that what is written down and sent in one turn reaches Redis in this order */
  constructor(
    private readonly connection: Redis,
    private readonly namespace: string,
    private readonly ledger: Ledger,
  ) {}

  /**
   * Resolves when the message is safely kept.
   * @param unwritten first steps of a message whose id was made here: it is written down on the same way to Redis
   * @throws RedisUnavailable
   */
  send(delivery: Delivery, unwritten?: TrailStep[]): Promise<void> {
    return this.lane(delivery.platform).parcels.add({ delivery, unwritten });
  }

  measured(platform: string, platformMs: number) {
    const lane = this.lane(platform);
    lane.platformMs += (platformMs - lane.platformMs) * SMOOTHING;
    lane.isMeasured = true;
  }

  /** Smoothed time that the platform takes for one message, 0 for one that nothing is known of. */
  usualMs(platform: string): number {
    const lane = this.lane(platform);
    return lane.isMeasured ? lane.platformMs : 0;
  }

  async close(): Promise<void> {
    await Promise.all([...this.lanes.values()].map(({ producer }) => producer.close()));
  }

  private lane(platform: string): Lane {
    const known = this.lanes.get(platform);
    if (known) return known;
    const producer = new QueueProducer(platformQueue(platform), this.connection, this.namespace);
    const lane: Lane = {
      producer,
      platformMs: PARCEL_WORK_MS,
      isMeasured: false,
      parcels: new Coalescer<Outgoing>(
        (group) => this.handOn(group, producer),
        () => Math.min(LARGEST_PARCEL, PARCEL_WORK_MS / Math.max(lane.platformMs, 0.01)),
        ({ delivery }) => messageBytes(delivery.request) + (delivery.unwritten?.length ?? 0),
      ),
    };
    this.lanes.set(platform, lane);
    return lane;
  }

  private async handOn(group: Outgoing[], producer: Lane['producer']): Promise<void> {
    const unwritten = group.flatMap(({ delivery: { request }, unwritten: steps }) => (steps ? [{ request, steps }] : []));
    const deliveries = group.map(({ delivery }) => delivery);
    // In this order on one connection, without waiting in between.
    await Promise.all([unwritten.length > 0 && this.ledger.acceptNew(unwritten), producer.add(jobId(deliveries), { deliveries })]);
  }
}

const jobId = (deliveries: Delivery[]) => `parcel-${deliveries.length}-${randomUUID()}`;
