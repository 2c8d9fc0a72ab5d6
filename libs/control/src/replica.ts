import type { RedisConnections } from '@conductor/connections';
import type { Logger } from '@conductor/observability';

/** Lost notices are made good at the latest after this time. */
const RE_READ_MS = 3_000;

/**
 * A copy, in this process, of a Redis hash whose values are JSON documents: read when opened, kept fresh by notices, re-read on
 * every reconnection and every few seconds. Reading it costs nothing and works while Redis is away.
 */
export class Replica<T extends { version: number }> {
  private readonly values = new Map<string, T>();
  /** Versions that were read and are older than what is here. */
  private readonly older = new Map<string, number>();
  private timer?: NodeJS.Timeout;
  private readonly listeners: Array<(key: string, value: T, before: T | undefined) => void> = [];

  constructor(
    private readonly connections: RedisConnections,
    private readonly key: string,
    private readonly logger: Logger,
    /** Fills in what a document does not say. */
    private readonly complete: (value: T) => T = (value) => value,
  ) {}

  async open(): Promise<void> {
    await this.reRead();
    this.connections.subscriber.on('ready', this.reReadQuietly);
    this.timer = setInterval(this.reReadQuietly, RE_READ_MS).unref();
  }

  get(key: string): T | undefined {
    return this.values.get(key);
  }

  all(): T[] {
    return [...this.values.values()];
  }

  /** Called with each change, also those that a re-read finds. @returns a function that ends it */
  onChange(listener: (key: string, value: T, before: T | undefined) => void): () => void {
    this.listeners.push(listener);
    return () => void this.listeners.splice(this.listeners.indexOf(listener), 1);
  }

  /** Takes in a value, unless a newer one is here. */
  take(key: string, value: T) {
    const before = this.values.get(key);
    if (before && before.version >= value.version) return;
    this.values.set(key, value);
    for (const listener of [...this.listeners]) listener(key, value, before);
  }

  close() {
    clearInterval(this.timer);
    this.connections.subscriber.off('ready', this.reReadQuietly);
  }

  /** @throws when Redis is away */
  async reRead(): Promise<void> {
    const fields = await this.connections.commands.hgetall(this.key);
    for (const [key, json] of Object.entries(fields)) this.takeRead(key, this.complete(JSON.parse(json) as T));
    for (const key of this.values.keys()) if (!(key in fields)) this.values.delete(key);
  }

  /**
   * What Redis holds is the truth, also when it is older than what is here (Redis lost its last second). Once may be a notice that
   * overtook the reading; twice in a row is not.
   */
  private takeRead(key: string, value: T) {
    const here = this.values.get(key);
    const older = here !== undefined && value.version < here.version;
    if (older && this.older.get(key) === value.version) this.values.delete(key);
    if (older) this.older.set(key, value.version);
    else this.older.delete(key);
    this.take(key, value);
  }

  private readonly reReadQuietly = () => {
    this.reRead().catch((error: unknown) => this.logger.debug({ err: error, key: this.key }, 're-reading is put off'));
  };
}

