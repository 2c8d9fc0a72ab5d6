import { randomUUID } from 'node:crypto';
import { Coalescer, QueueProducer } from '@conductor/bus';
import { type Delivery, platformQueue } from '@conductor/contracts';
import type { Redis } from 'ioredis';

/** A parcel holds about this much work: more would keep messages from an instance that idles. */
const PARCEL_WORK_MS = 20;
const LARGEST_PARCEL = 32;
/** How much a new measurement counts against what was known. */
const SMOOTHING = 0.1;

interface Lane {
  producer: QueueProducer<ReturnType<typeof platformQueue>>;
  parcels: Coalescer<Delivery>;
  /** Smoothed milliseconds the platform takes for one message; a stranger counts as slow and gets its messages one by one. */
  platformMs: number;
}

/** Puts deliveries on the queues of their platforms, several in one job where the platform is fast and they come together. */
export class ParcelSender {
  private readonly lanes = new Map<string, Lane>();

  constructor(
    private readonly connection: Redis,
    private readonly namespace: string,
  ) {}

  /** Resolves when the message is safely kept. @throws RedisUnavailable */
  send(delivery: Delivery): Promise<void> {
    return this.lane(delivery.platform).parcels.add(delivery);
  }

  measured(platform: string, platformMs: number) {
    const lane = this.lane(platform);
    lane.platformMs += (platformMs - lane.platformMs) * SMOOTHING;
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
      parcels: new Coalescer<Delivery>(
        (deliveries) => producer.add(jobId(deliveries), { deliveries }),
        () => Math.min(LARGEST_PARCEL, PARCEL_WORK_MS / Math.max(lane.platformMs, 0.01)),
      ),
    };
    this.lanes.set(platform, lane);
    return lane;
  }
}

const jobId = (deliveries: Delivery[]) => `parcel-${deliveries.length}-${randomUUID()}`;
