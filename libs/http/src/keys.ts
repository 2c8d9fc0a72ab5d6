import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import type { Notices } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import { z } from 'zod';
import { type Caller, Role } from './roles';
import { bucketOf, digestOf, hashKey, isKeyOf, newKeyText } from './key-hash';

const KeyRecord = z.object({ id: z.string(), name: z.string(), role: Role, sources: z.array(z.string()).optional(), salt: z.string(), hash: z.string(), tag: z.string().optional(), bucket: z.string(), createdAt: z.number() });
/** `digest` is known in memory once the key was shown: then no other key needs to be hashed against this record. */
type KeyRecord = z.output<typeof KeyRecord> & { digest?: string };

export interface KeyOptions {
  name: string;
  role: Role;
  /** What its messages may name as their `source` besides its own name. */
  sources?: string[] | undefined;
}

/** A key as it may be shown. The key itself is known to nobody but its owner. */
export type KeyInfo = Omit<KeyRecord, 'salt' | 'hash' | 'tag' | 'bucket' | 'digest'>;

/** Keys are read again this often, so that a revocation whose notice was lost takes effect all the same. */
const REREAD_MS = 10_000;
const WRONG_FOR_MS = 10_000;
/** However many unknown keys come, the store is read for them no more often than this. */
const REREAD_FOR_UNKNOWN_MS = 100;
const MOST_REMEMBERED = 10_000;
const SHORTEST_PRESET = 16;

/**
 * The API keys: in Redis one hash of records, in memory a copy of it. Keys are stored as scrypt hashes; one that has been verified is
 * remembered by its SHA-256 for as long as its record stands, so that a request costs a look-up, and while Redis is away known keys go on working.
 */
export class ApiKeys {
  private records = new Map<string, KeyRecord>();
  private loaded = false;
  /** The copy is known to be out of date. */
  private stale = false;
  private readonly verified = new Map<string, KeyRecord>();
  private readonly wrong = new Map<string, number>();
  /** A burst with one new key is hashed once. */
  private readonly pending = new Map<string, Promise<KeyRecord | undefined>>();
  private reading: Promise<void> | undefined;
  /** The next read on behalf of unknown keys. It begins after they came, so it shows whether they were made a moment ago. */
  private nextReread: Promise<void> | undefined;
  private rereadAt = 0;
  private readonly timer: NodeJS.Timeout;
  private readonly deafen: () => void;
  private readonly field: string;
  private readonly tombstones: string;
  /** Tombstones that were ever seen: they hold also when the store was emptied. */
  private readonly revoked = new Map<string, string>();
  private readonly changed = new Set<() => void>();

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
    private readonly logger: Logger,
  ) {
    this.field = `${connections.namespace}:keys`;
    this.tombstones = `${connections.namespace}:revoked-keys`;
    this.deafen = notices.on('keys', () => {
      this.stale = true;
      void this.reload().catch(() => undefined);
    });
    this.timer = setInterval(() => void this.reload().catch(() => undefined), REREAD_MS).unref();
  }

  close(): void {
    clearInterval(this.timer);
    this.deafen();
  }

  /** Makes a key. It is returned here and never again. @throws RedisUnavailable */
  async create(options: KeyOptions): Promise<{ id: string; key: string }> {
    const key = newKeyText();
    const id = `key-${randomBytes(6).toString('hex')}`;
    await this.store(await recordOf(key, id, options));
    return { id, key };
  }

  /** All keys, oldest first. @throws RedisUnavailable */
  async list(): Promise<KeyInfo[]> {
    await this.reload();
    return [...this.records.values()].sort((a, b) => a.createdAt - b.createdAt).map(({ id, name, role, sources, createdAt }) => ({ id, name, role, ...(sources && { sources }), createdAt }));
  }

  /** Ends a key everywhere. @returns whether there was one. @throws RedisUnavailable */
  async revoke(id: string): Promise<boolean> {
    const text = await this.redis((redis) => redis.hget(this.field, id));
    if (text === null) return false;
    await this.redis((redis) => redis.multi().hset(this.tombstones, id, text).hdel(this.field, id).exec());
    this.revoked.set(id, text);
    await this.announce();
    return true;
  }

  /**
   * Registers a key that somebody else chose. A second time changes nothing, also when several processes do it at once.
   * @returns its id, and whether it was `registered` by this, `known` before, or `revoked` once: then it stays so
   * @throws RangeError for a key of fewer than 16 characters, RedisUnavailable
   */
  async ensure(key: string, options: { name: string; role: Role }): Promise<{ id: string; was: 'registered' | 'known' | 'revoked' }> {
    if (key.length < SHORTEST_PRESET) throw new RangeError(`a preset key must hold at least ${SHORTEST_PRESET} characters`);
    // What is remembered may be gone from the store.
    await this.reload();
    const known = await this.verify(key);
    if (known?.role === options.role) return { id: known.id, was: 'known' };
    const revoked = await this.tombstoneOf(key);
    if (revoked !== undefined) return { id: revoked, was: 'revoked' };
    const id = `preset-${options.role}-${bucketOf(digestOf(key))}`;
    await this.store(await recordOf(key, id, options));
    return { id, was: 'registered' };
  }

  /** Puts tombstones back that an emptied store has lost. @throws RedisUnavailable */
  async keepTombstones(): Promise<void> {
    if (this.revoked.size > 0) await this.redis((redis) => redis.hset(this.tombstones, Object.fromEntries(this.revoked)));
  }

  /** The id under which this key was revoked. Tombstones are the records as they were: salted hashes, never the key. */
  private async tombstoneOf(key: string): Promise<string | undefined> {
    const bucket = bucketOf(digestOf(key));
    for (const [id, text] of this.revoked) {
      const record = parse(text);
      if (record?.bucket === bucket && (await isKeyOf(key, record, bucket))) return id;
    }
    return undefined;
  }

  /** Who holds this key, `undefined` when nobody does. @throws RedisUnavailable when that cannot be known now */
  async verify(key: string): Promise<Caller | undefined> {
    const known = this.remembered(key);
    if (known) return known;
    const digest = digestOf(key);
    if (!this.stale && (this.wrong.get(digest) ?? 0) > Date.now()) return undefined;
    let search = this.pending.get(digest);
    if (!search) {
      search = this.search(key, digest).finally(() => this.pending.delete(digest));
      this.pending.set(digest, search);
    }
    return asCaller(await search);
  }

  /** The same without waiting: only a key that was verified before is found. */
  remembered(key: string): Caller | undefined {
    return asCaller(this.verified.get(digestOf(key)));
  }

  /** The holder of the key with this id, as long as it stands. @throws RedisUnavailable */
  async byId(id: string): Promise<Caller | undefined> {
    if (!this.loaded || this.stale) await this.reload();
    return asCaller(this.records.get(id));
  }

  /** Whether this caller's key stands as far as it is known here, without asking anybody. */
  stands({ id, role }: Caller): boolean {
    return !this.loaded || this.records.get(id)?.role === role;
  }

  /** Tells when keys may have changed: something that a key holds open looks whether it still stands. @returns ends it */
  onChange(listener: () => void): () => void {
    this.changed.add(listener);
    return () => this.changed.delete(listener);
  }

  /** Reads all keys. @throws RedisUnavailable */
  reload(): Promise<void> {
    this.reading ??= this.readUntilCurrent().finally(() => (this.reading = undefined));
    return this.reading;
  }

  /** A change may be announced while the keys are being read. */
  private async readUntilCurrent(): Promise<void> {
    do await this.read();
    while (this.stale);
  }

  private async search(key: string, digest: string): Promise<KeyRecord | undefined> {
    let found = this.loaded ? await this.match(key, digest) : undefined;
    if (!found || this.stale) {
      await this.reread();
      found = await this.match(key, digest);
    }
    // Keys may have changed while this one was hashed.
    if (found && this.records.get(found.id) !== found) found = await this.match(key, digest);
    if (found) {
      found.digest = digest;
      remember(this.verified, digest, found);
    } else remember(this.wrong, digest, Date.now() + WRONG_FOR_MS);
    return found;
  }

  private async match(key: string, digest: string): Promise<KeyRecord | undefined> {
    const bucket = bucketOf(digest);
    for (const record of this.records.values()) {
      if (record.bucket !== bucket || (record.digest !== undefined && record.digest !== digest)) continue;
      if (record.digest === digest || (await isKeyOf(key, record, bucket))) return record;
    }
    return undefined;
  }

  private reread(): Promise<void> {
    this.nextReread ??= pause(Math.max(0, this.rereadAt + REREAD_FOR_UNKNOWN_MS - Date.now())).then(async () => {
      // A read that is under way may have begun before the key was made.
      await this.reading?.catch(() => undefined);
      this.nextReread = undefined;
      this.rereadAt = Date.now();
      await this.reload();
    });
    return this.nextReread;
  }

  private async read(): Promise<void> {
    this.stale = false;
    let stored: Record<string, string>;
    try {
      const [keys, revoked] = await this.redis((redis) => Promise.all([redis.hgetall(this.field), redis.hgetall(this.tombstones)]));
      stored = keys;
      for (const [id, text] of Object.entries(revoked)) this.revoked.set(id, text);
    } catch (error) {
      this.stale = true;
      throw error;
    }
    const records = new Map<string, KeyRecord>();
    for (const [id, text] of Object.entries(stored)) {
      const known = this.records.get(id);
      const record = parse(text);
      if (!record) this.logger.warn({ keyId: id }, 'a stored API key cannot be read and is ignored');
      // An unchanged record stays the same object, and with it what is remembered of its key.
      else records.set(id, known?.hash === record.hash && known.role === record.role && String(known.sources) === String(record.sources) ? known : record);
    }
    this.records = records;
    this.loaded = true;
    this.wrong.clear();
    for (const [digest, record] of this.verified) if (records.get(record.id) !== record) this.verified.delete(digest);
    for (const listener of this.changed) listener();
  }

  private async store(record: KeyRecord): Promise<void> {
    await this.redis((redis) => redis.hset(this.field, record.id, JSON.stringify(record)));
    await this.announce();
  }

  private async announce(): Promise<void> {
    await this.reading?.catch(() => undefined);
    await this.reload();
    try {
      await this.notices.publish({ type: 'keys', version: Date.now() });
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'the change of an API key could not be announced; others learn of it within seconds');
    }
  }

  private async redis<T>(command: (redis: RedisConnections['commands']) => Promise<T>): Promise<T> {
    try {
      return await command(this.connections.commands);
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}

const recordOf = async (key: string, id: string, { name, role, sources }: KeyOptions): Promise<KeyRecord> => ({
  id,
  name,
  role,
  ...(sources && { sources }),
  ...(await hashKey(key)),
  bucket: bucketOf(digestOf(key)),
  createdAt: Date.now(),
});

const asCaller = (record: KeyRecord | undefined): Caller | undefined => record && { id: record.id, name: record.name, role: record.role, ...(record.sources && { sources: record.sources }) };

const parse = (text: string): KeyRecord | undefined => {
  try {
    return KeyRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};

/** Bounded: whoever sends many keys must not fill the memory. */
const remember = <T>(map: Map<string, T>, digest: string, value: T): void => {
  if (map.size >= MOST_REMEMBERED) map.clear();
  map.set(digest, value);
};
