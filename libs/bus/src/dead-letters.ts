import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';
import { DeadLetter, type DeadLetterFilter, deadLetterQueue, type Request } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import { counted, DeadLetterIndex, entryOf, type IndexedLetter } from './dead-letter-index';
import { MAX_GROUP_BYTES, textBytes } from './json-bytes';
import { keysOf } from './keys';
import { MessageBodies } from './message-bodies';
import { QueueProducer } from './queue-producer';

const IDS_IN_ONE_STEP = 100;
const REASON_CHARACTERS = 500;

/**
 * The dead letters. An index by platform and code and a record for each are what counts; a small job for each in a queue that nothing
 * consumes lets Bull Board show them. All methods throw `RedisUnavailable`.
 */
export class DeadLetters {
  private readonly jobs: QueueProducer<typeof deadLetterQueue>;
  private readonly index: DeadLetterIndex;
  private readonly bodies: MessageBodies;

  constructor(
    private readonly connection: Redis,
    namespace: string,
  ) {
    this.jobs = new QueueProducer(deadLetterQueue, connection, namespace);
    this.index = new DeadLetterIndex(connection, namespace);
    this.bodies = new MessageBodies(connection, keysOf(namespace));
  }

  /** For Bull Board. */
  get queue() {
    return this.jobs.queue;
  }

  /** Adding the same letter again is a no-op. */
  async add(letter: DeadLetter): Promise<void> {
    const payload = JSON.stringify(letter);
    await this.ask(() => this.index.add(letter, payload, textBytes(payload) + (letter.request.claimCheck?.bytes ?? 0)));
    await this.jobs.add(jobIdOf(letter.id), summaryOf(letter), { keep: true });
  }

  /** As it was put down: of a large content only the beginning and its claim check. */
  async outline(id: string): Promise<DeadLetter | undefined> {
    const payload = await this.ask(() => this.index.payload(id));
    return payload === undefined ? undefined : (JSON.parse(payload) as DeadLetter);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const letter = await this.outline(id);
    return letter && this.whole(letter);
  }

  /** What it takes to settle these messages. @param ids few enough for one step: some hundred */
  async messagesOf(ids: readonly string[]): Promise<Array<Pick<Request, 'id' | 'claimCheck'>>> {
    const claimChecks = await this.ask(() => this.index.claimChecks(ids));
    return ids.map((id, at) => ({ id, ...(claimChecks[at] && { claimCheck: claimChecks[at] }) }));
  }

  /** Those of these ids that are here. */
  async known(ids: readonly string[]): Promise<string[]> {
    const known: string[] = [];
    for (const some of slices(ids)) {
      const here = await this.ask(() => this.index.has(some));
      known.push(...some.filter((_, at) => here[at]));
    }
    return known;
  }

  /** Removing what is not there is a no-op. @param ids few enough for one step: some hundred */
  async remove(...ids: string[]): Promise<void> {
    await this.ask(() => this.index.remove(ids));
    await this.ask(() => Promise.all(ids.map((id) => this.queue.remove(jobIdOf(id)))));
  }

  /** Whose letters pass the filter, newest first. Payloads are read, one after the other, only to look for a text. */
  async *find(filter: DeadLetterFilter = {}, before?: number): AsyncGenerator<IndexedLetter> {
    try {
      for await (const entry of this.index.entries(filter, before)) {
        if (filter.text === undefined || holds(await this.get(entry.id), filter.text)) yield entry;
      }
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }

  /**
   * One page of letters, newest first: `limit` of them, or as many as 256 KiB hold, one at least.
   * @param after `next` of the page before. The letter at which it ended may have gone since; then those that are not newer follow.
   */
  async page(filter: DeadLetterFilter, limit: number, after?: string): Promise<{ items: DeadLetter[]; total: number; next?: string }> {
    const last = after === undefined ? undefined : entryOf(after);
    const place = after === undefined ? undefined : await this.ask(() => this.index.placeOf(after));
    const isDue = ({ at }: IndexedLetter) => last === undefined || place !== undefined || at <= last.at;
    const due: IndexedLetter[] = [];
    for await (const entry of this.find(filter, place)) if (isDue(entry) && due.push(entry) > limit) break;
    const ids = due.slice(0, limit).map(({ id }) => id);
    const shown = firstOf(await this.ask(() => this.index.bytes(ids)));
    const payloads = await this.ask(() => this.index.payloads(ids.slice(0, shown)));
    const items = await Promise.all(payloads.flatMap((payload) => (payload === null ? [] : [this.whole(JSON.parse(payload) as DeadLetter)])));
    return { items, total: await this.count(filter), ...(due.length > shown && { next: afterOf(due[shown - 1]!) }) };
  }

  async count(filter: DeadLetterFilter = {}): Promise<number> {
    return filter.text === undefined ? this.ask(() => this.index.count(filter)) : counted(this.find(filter));
  }

  /**
   * Takes in what an older version has put into the queue whole, one after the other, and removes jobs whose letter is gone.
   * @returns how many were taken in
   */
  async adopt(): Promise<number> {
    let adopted = 0;
    for (const ids of slices(await this.queuedIds())) {
      const here = await this.ask(() => this.index.has(ids));
      for (const id of ids.filter((_, at) => !here[at])) {
        const job = await this.ask(() => this.queue.getJob(jobIdOf(id)));
        const letter = DeadLetter.safeParse(job?.data);
        if (letter.success) {
          const payload = JSON.stringify(letter.data);
          await this.ask(() => this.index.add(letter.data, payload, textBytes(payload), 'adopted'));
          await this.ask(() => job!.updateData(summaryOf(letter.data)));
          adopted++;
        } else if ((await this.known([id])).length === 0) await this.ask(() => this.queue.remove(jobIdOf(id)));
      }
    }
    return adopted;
  }

  async close(): Promise<void> {
    await this.jobs.close();
  }

  /** Newest first. */
  private async queuedIds(): Promise<string[]> {
    const ids: string[] = [];
    for (let from = 0; ; from += 10 * IDS_IN_ONE_STEP) {
      const some = await this.ask(() => this.connection.lrange(this.queue.toKey('wait'), from, from + 10 * IDS_IN_ONE_STEP - 1));
      ids.push(...some.filter((id) => id.startsWith(JOB)).map((id) => id.slice(JOB.length)));
      if (some.length < 10 * IDS_IN_ONE_STEP) return ids;
    }
  }

  private async whole(letter: DeadLetter): Promise<DeadLetter> {
    if (!letter.request.claimCheck) return letter;
    return { ...letter, request: (await this.ask(() => this.bodies.whole(letter.request))) ?? letter.request };
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.connection.status !== 'ready') throw new RedisUnavailable('Redis is not reachable');
    try {
      return await question();
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}

// Ids given by callers may look like integers to BullMQ, which refuses those.
const JOB = 'letter-';
const jobIdOf = (id: string) => JOB + id;

const summaryOf = ({ id, platform, code, reason, at, by, trace }: DeadLetter) => ({ id, ...(platform !== undefined && { platform }), code, reason: reason.slice(0, REASON_CHARACTERS), at, by, trace });

const slices = function* (ids: readonly string[]): Generator<string[]> {
  for (let from = 0; from < ids.length; from += IDS_IN_ONE_STEP) yield ids.slice(from, from + IDS_IN_ONE_STEP);
};

/** Where a page ended: `<epoch ms>~<id>`. */
export const AFTER_LETTER = /^\d{1,15}~[A-Za-z0-9._-]{1,128}$/;
const afterOf = ({ at, id }: IndexedLetter) => `${at}~${id}`;

/** How many of the first fit into one answer: one at least, if there is one. */
const firstOf = (bytes: readonly number[]): number => {
  let sum = 0;
  const tooMany = bytes.findIndex((more, at) => (sum += more) > MAX_GROUP_BYTES && at > 0);
  return tooMany < 0 ? bytes.length : tooMany;
};

const holds = (letter: DeadLetter | undefined, text: string): boolean =>
  letter !== undefined && JSON.stringify([letter.request.content, letter.reason, letter.attempts]).toLowerCase().includes(text.toLowerCase());
