import { type DeadLetter, DeadLetter as DeadLetterSchema, type DeadLetterFilter, deadLetterQueue } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import { QueueProducer } from './queue-producer';

const PAGE = 500;

/** The dead letters: a queue that nothing consumes by itself. */
export class DeadLetters {
  private readonly letters: QueueProducer<typeof deadLetterQueue>;

  constructor(connection: Redis, namespace: string) {
    this.letters = new QueueProducer(deadLetterQueue, connection, namespace);
  }

  /** For Bull Board. */
  get queue() {
    return this.letters.queue;
  }

  /** Adding the same letter again is a no-op. @throws RedisUnavailable */
  async add(letter: DeadLetter): Promise<void> {
    await this.letters.add(jobIdOf(letter.id), letter, { keep: true });
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    return (await this.queue.getJob(jobIdOf(id)))?.data as DeadLetter | undefined;
  }

  /** Removing what is not there is a no-op. */
  async remove(id: string): Promise<void> {
    await this.queue.remove(jobIdOf(id));
  }

  /** Letters that pass the filter, newest first. */
  async *find(filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetter> {
    const now = Date.now();
    for (let from = 0; ; from += PAGE) {
      const jobs = await this.queue.getJobs(['waiting'], from, from + PAGE - 1);
      for (const job of jobs) {
        const letter = DeadLetterSchema.safeParse(job?.data);
        if (letter.success && matches(letter.data, filter, now)) yield letter.data;
      }
      if (jobs.length < PAGE) return;
    }
  }

  /**
   * One page of letters, newest first.
   * @param after `next` of the page before. The letter at which it ended may have gone since; then those that are not newer follow.
   */
  async page(filter: DeadLetterFilter, limit: number, after?: string): Promise<{ items: DeadLetter[]; total: number; next?: string }> {
    const items: DeadLetter[] = [];
    let total = 0;
    const last = after === undefined ? undefined : placeOf(after);
    const notNewer: DeadLetter[] = [];
    let past = last === undefined;
    for await (const letter of this.find(filter)) {
      total++;
      if (past && items.length <= limit) items.push(letter);
      if (!past && letter.at <= last!.at && notNewer.length <= limit) notNewer.push(letter);
      if (letter.id === last?.id) past = true;
    }
    const found = past ? items : notNewer;
    const shown = found.slice(0, limit);
    return { items: shown, total, ...(found.length > limit && { next: afterOf(shown.at(-1)!) }) };
  }

  async count(): Promise<number> {
    return this.queue.getWaitingCount();
  }

  async close(): Promise<void> {
    await this.letters.close();
  }
}

// Ids given by callers may look like integers to BullMQ, which refuses those.
const jobIdOf = (id: string) => `letter-${id}`;

/** Where a page ended: `<epoch ms>~<id>`. */
export const AFTER_LETTER = /^\d{1,15}~[A-Za-z0-9._-]{1,128}$/;
const afterOf = ({ at, id }: DeadLetter) => `${at}~${id}`;
const placeOf = (after: string) => {
  const tilde = after.indexOf('~');
  return { at: Number(after.slice(0, tilde)), id: after.slice(tilde + 1) };
};

const matches = (letter: DeadLetter, filter: DeadLetterFilter, now: number): boolean =>
  (filter.platform === undefined || letter.platform === filter.platform) &&
  (filter.code === undefined || letter.code === filter.code) &&
  (filter.olderThanMs === undefined || now - letter.at >= filter.olderThanMs) &&
  (filter.newerThanMs === undefined || now - letter.at <= filter.newerThanMs) &&
  (filter.text === undefined || JSON.stringify([letter.request.content, letter.reason, letter.attempts]).toLowerCase().includes(filter.text.toLowerCase()));
