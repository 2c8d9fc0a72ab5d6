import { createHash } from 'node:crypto';
import { type Answer, type ClaimCheck, type Content, extractOf, type Request } from '@conductor/contracts';
import type { Redis, Result } from 'ioredis';
import { Coalescer } from './coalescer';
import { jsonBytes } from './json-bytes';
import type { Keys } from './keys';
import { RETAIN } from './ledger-scripts';

/** What is larger lies beside the queue, under a key of its own, and is read by whoever carries it out. */
export const LARGE_BODY_BYTES = 64 * 1_024;
/** A character takes six bytes in JSON at most. */
const SURELY_SMALL_BYTES = LARGE_BODY_BYTES / 6;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorRetain(body: string, bytes: number): Result<null, Context>;
  }
}

/** A body that is to be read or written, and how large it is: about a megabyte is on its way at once. */
interface Load {
  key: string;
  bytes: number;
  json?: string;
  keepMs?: number;
  /** Nobody waits for it much longer: it goes when many came after it. */
  isRetained?: boolean;
}
const bytesOf = ({ bytes }: Load) => bytes;

/**
 * The claim checks of messages: large contents and answers, which would else be copied from job to job and hold up whoever is behind them.
 * A body lives as long as somebody may need it: a content until its message is settled. Then it is kept with the record, and so is an
 * answer, while all such take 256 MiB at most together. One whose process died before anything referred to it ends by its time.
 */
export class MessageBodies {
  private readonly writes: Coalescer<Load, boolean>;
  private readonly reads: Coalescer<Load, string | null>;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    redis.defineCommand('conductorRetain', { numberOfKeys: 1, lua: `${RETAIN}\nretain(KEYS[1], KEYS[1], ARGV[1])` });
    this.writes = new Coalescer(async ([load]) => [await this.write(load!)], () => 1, bytesOf);
    this.reads = new Coalescer(async ([load]) => [await redis.get(load!.key)], () => 1, bytesOf);
  }

  /** @returns what the content, or answer, is to be replaced by when it is large, with whether nobody had put it there before */
  async put<T extends Content | Answer>(id: string, content: T, keepMs: number, isRetained = false): Promise<{ content: T; claimCheck: ClaimCheck; isNew: boolean } | undefined> {
    if (jsonBytes(content) <= SURELY_SMALL_BYTES) return undefined;
    const json = JSON.stringify(content);
    const bytes = Buffer.byteLength(json);
    if (bytes <= LARGE_BODY_BYTES) return undefined;
    const claimCheck = { bytes, digest: digestOf(content) };
    const isNew = await this.writes.add({ key: this.keys.body(id, claimCheck.digest), bytes, json, keepMs, isRetained });
    return { content: extractOf(content), claimCheck, isNew };
  }

  private async write({ key, json, keepMs, isRetained, bytes }: Load): Promise<boolean> {
    const [written] = await Promise.all([this.redis.set(key, json!, 'PX', keepMs!, 'NX'), isRetained && this.redis.conductorRetain(key, bytes)]);
    return written !== null;
  }

  /** Whether `put` might put it beside the queue. Cheap, for the way of small messages. */
  mayBeLarge(content: Content | Answer): boolean {
    return jsonBytes(content) > SURELY_SMALL_BYTES;
  }

  /** The whole of what a claim check stands for; undefined when its time is over. */
  async get<T extends Content | Answer>(id: string, { bytes, digest }: ClaimCheck): Promise<T | undefined> {
    const json = await this.reads.add({ key: this.keys.body(id, digest), bytes });
    return json === null ? undefined : (JSON.parse(json) as T);
  }

  /** The request with its whole content; undefined when the time of that is over. */
  async whole(request: Request): Promise<Request | undefined> {
    const { claimCheck, ...rest } = request;
    if (!claimCheck) return request;
    const content = await this.get<Content>(request.id, claimCheck);
    return content === undefined ? undefined : { ...rest, content };
  }

  /** Lets the content be for so long from now on. */
  async keep({ id, claimCheck }: Pick<Request, 'id' | 'claimCheck'>, ms: number): Promise<void> {
    if (claimCheck) await this.redis.pexpire(this.keys.body(id, claimCheck.digest), ms);
  }

  async remove({ id, claimCheck }: Pick<Request, 'id' | 'claimCheck'>): Promise<void> {
    if (claimCheck) await this.redis.unlink(this.keys.body(id, claimCheck.digest));
  }
}

/** The same for contents that say the same, however their fields are ordered. */
export const digestOf = (content: unknown): string => createHash('sha256').update(JSON.stringify(canonical(content))).digest('base64url');

export const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (value !== null && typeof value === 'object') return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, canonical(v)]);
  return value;
};
