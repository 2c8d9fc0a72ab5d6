import { randomUUID } from 'node:crypto';
import { Coalescer, jsonBytes, type Ledger, messageBytes, QueueProducer, type ReplyInbox } from '@conductor/bus';
import { DEFAULT_DEADLINE_MS, type InboundItem, inboundQueue, type Reply, type Request, type RequestRecord, RequestInput, RETURN_KINDS } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import type { InboundMessage } from './platform-plugin';

const ITEMS_IN_ONE_JOB = 32;

const bytesOf = (item: InboundItem): number => messageBytes(item.request) + (item.type === 'answer' ? jsonBytes(item.answer) : 0);

/** The way from an adapter to the routers. */
export class InboundPort {
  private readonly producer: QueueProducer<typeof inboundQueue>;
  private readonly items: Coalescer<InboundItem>;

  constructor(
    connection: Redis,
    namespace: string,
    private readonly ledger: Ledger,
  ) {
    this.producer = new QueueProducer(inboundQueue, connection, namespace);
    this.items = new Coalescer((items) => this.producer.add(`in-${randomUUID()}`, { items }), () => ITEMS_IN_ONE_JOB, bytesOf);
  }

  /** Resolves when the item is safely kept. @throws RedisUnavailable */
  add(item: InboundItem): Promise<void> {
    return this.items.add(item);
  }

  /** Brings a message in, its answer to come as a message to `source`. @param owner see `Request`. @returns the id it has from now on */
  async emit(source: string, message: InboundMessage, owner = `platform/${source}`): Promise<{ id: string }> {
    const request: Request = { ...asRequest(source, message, 'acceptance', DEFAULT_DEADLINE_MS), owner, replyTo: { platform: source } };
    await this.add({ type: 'request', request: await this.ledger.checkIn(request) });
    return { id: request.id };
  }

  /** Brings a message in and waits for its answer here. @returns undefined when none came in time */
  async ask(source: string, message: InboundMessage, deadlineMs: number, inbox: ReplyInbox): Promise<Reply | RequestRecord | undefined> {
    const request: Request = { ...asRequest(source, message, 'answer', deadlineMs), replyTo: { inbox: inbox.name } };
    const refused = new AbortController();
    const waiting = inbox.wait(request.id, deadlineMs, refused.signal);
    try {
      await this.add({ type: 'request', request: await this.ledger.checkIn(request) });
    } catch (error) {
      refused.abort();
      throw error;
    }
    return waiting;
  }

  async close(): Promise<void> {
    await this.producer.close();
  }
}

const asRequest = (source: string, message: InboundMessage, waitFor: 'answer' | 'acceptance', deadlineMs: number): Request => {
  if (RETURN_KINDS.includes(message.kind)) throw new RangeError(`messages of the kind "${message.kind}" are made by the Conductor when a message was answered or given up; choose another kind`);
  const { id = `r-${randomUUID()}`, ...rest } = RequestInput.parse({ ...message, source, waitFor, deadlineMs });
  return { ...rest, id, source, keyed: message.id !== undefined, receivedAt: Date.now(), trace: randomUUID() };
};
