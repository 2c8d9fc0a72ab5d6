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
   * @param after id of the last letter of the page before
   */
  async page(filter: DeadLetterFilter, limit: number, after?: string): Promise<{ items: DeadLetter[]; total: number; next?: string }> {
    const items: DeadLetter[] = [];
    let total = 0;
    let past = after === undefined;
    for await (const letter of this.find(filter)) {
      total++;
      if (past && items.length < limit + 1) items.push(letter);
      if (letter.id === after) past = true;
    }
    const more = items.length > limit;
    const shown = items.slice(0, limit);
    return { items: shown, total, ...(more && { next: shown.at(-1)!.id }) };
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

const matches = (letter: DeadLetter, filter: DeadLetterFilter, now: number): boolean =>
  (filter.platform === undefined || letter.platform === filter.platform) &&
  (filter.code === undefined || letter.code === filter.code) &&
  (filter.olderThanMs === undefined || now - letter.at >= filter.olderThanMs) &&
  (filter.newerThanMs === undefined || now - letter.at <= filter.newerThanMs) &&
  (filter.text === undefined || JSON.stringify([letter.request.content, letter.reason, letter.attempts]).toLowerCase().includes(filter.text.toLowerCase()));
