import { randomUUID } from 'node:crypto';
import { Coalescer, jsonBytes, type Ledger, messageBytes, QueueProducer, type QuotaLimit, type ReplyInbox, type WaitingQuota } from '@conductor/bus';
import { DEFAULT_DEADLINE_MS, type InboundItem, inboundQueue, type Reply, type Request, type RequestRecord, RequestInput, RETURN_KINDS } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import type { InboundMessage } from './platform-plugin';

const ITEMS_IN_ONE_JOB = 32;

/** What may wait of those who send through a port. */
export interface SenderQuota {
  readonly waiting: WaitingQuota;
  readonly user: QuotaLimit;
  /** Of each platform that sends, where they are plugins. */
  readonly plugin?: QuotaLimit | undefined;
}

const accountsOf = ({ user: ofUser, plugin }: SenderQuota, source: string, user: string | undefined): Parameters<WaitingQuota['charge']>[2] => [
  ...(user === undefined ? [] : [{ account: { kind: 'user' as const, id: `${source}/${user}` }, limit: ofUser }]),
  ...(plugin ? [{ account: { kind: 'plugin' as const, id: source }, limit: plugin }] : []),
];

const bytesOf = (item: InboundItem): number => messageBytes(item.request) + (item.type === 'answer' ? jsonBytes(item.answer) : 0);

/** The way from an adapter to the routers. */
export class InboundPort {
  private readonly producer: QueueProducer<typeof inboundQueue>;
  private readonly items: Coalescer<InboundItem>;

  constructor(
    connection: Redis,
    namespace: string,
    private readonly ledger: Ledger,
    private readonly quota?: SenderQuota,
  ) {
    this.producer = new QueueProducer(inboundQueue, connection, namespace);
    this.items = new Coalescer((items) => this.producer.add(`in-${randomUUID()}`, { items }), () => ITEMS_IN_ONE_JOB, bytesOf);
  }

  /** Resolves when the item is safely kept. @throws RedisUnavailable */
  add(item: InboundItem): Promise<void> {
    return this.items.add(item);
  }

  /** Brings a message in, its answer to come as a message to `source`. @param owner see `Request`. @returns the id it has from now on. @throws QuotaExceeded, RedisUnavailable */
  async emit(source: string, message: InboundMessage, owner = `platform/${source}`): Promise<{ id: string }> {
    const request: Request = await this.charged({ ...asRequest(source, message, 'acceptance', DEFAULT_DEADLINE_MS), owner, replyTo: { platform: source } });
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

  /** Nobody waits for it: it counts for as long as it waits. */
  private async charged(request: Request): Promise<Request> {
    const { id, source, user } = request;
    const accounts = this.quota ? accountsOf(this.quota, source, user) : [];
    return accounts.length === 0 ? request : { ...request, charged: await this.quota!.waiting.charge(id, messageBytes(request), accounts) };
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
