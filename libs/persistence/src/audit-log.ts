import type { SqlEntityManager } from '@mikro-orm/sql';
import { flawOf, GENESIS_HASH, hashOf, type AuditContent } from './audit-chain';
import { toEpochMs, toText } from './column-values';
import type { Database } from './database';
import { AuditEntry } from './entities';
import { redact } from './redact';

/** A change to be recorded. */
export interface AuditRecord {
  /** When it was done, epoch milliseconds; default now. */
  at?: number;
  /** Who: the name of an API key, or of an app for changes by the system. */
  actor: string;
  role: string;
  /** The id of that key, which is given once only. */
  keyId?: string | undefined;
  /** What was done, e.g. `platform.disable`. */
  action: string;
  /** What it was done to, e.g. `discord`. */
  subject: string;
  /** State before and after, as JSON; secrets in it are redacted. */
  before?: unknown;
  after?: unknown;
  /** Correlation id. */
  trace?: string | undefined;
}

/** A recorded change. `at` in epoch milliseconds; `id` is its place in the chain, from 1. */
export interface AuditItem extends AuditRecord {
  id: number;
  at: number;
  hash: string;
}

export interface AuditQuery {
  /** Epoch milliseconds. */
  from?: number | undefined;
  /** Epoch milliseconds; not part of the range. */
  to?: number | undefined;
  actor?: string | undefined;
  action?: string | undefined;
  subject?: string | undefined;
  /** `security`: log-ins, keys and devices only. */
  class?: 'security' | undefined;
  /** Default 100, at most 1000. */
  limit?: number | undefined;
  /** `next` of the page before. */
  cursor?: string | undefined;
}

/** Newest first. `next` is absent on the last page. */
export interface AuditPage {
  entries: AuditItem[];
  next?: string;
}

/** `head` is the newest hash: whoever keeps it elsewhere can also tell that entries were cut off at the end. */
export type AuditVerdict =
  | { ok: true; entries: number; head: string }
  | { ok: false; entries: number; firstBroken: { id: number; reason: string } };

const VERIFY_STEP = 500;

const SECURITY_ACTIONS = ['key', 'session', 'device'];

/**
 * Who changed what and when, each entry chained to the one before by its hash. Every method throws `DatabaseUnavailable`
 * when the database is away.
 */
export class AuditLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Appends an entry; writers in all processes take turns. Resolves when it is stored. */
  async record(change: AuditRecord): Promise<AuditItem> {
    const { actor, role, action, subject, trace } = change;
    const fields = {
      actor: toText(actor),
      role: toText(role),
      action: toText(action),
      subject: toText(subject),
      before: toJson(change.before),
      after: toJson(change.after),
      trace: trace === undefined ? null : toText(trace),
      keyId: change.keyId === undefined ? null : toText(change.keyId),
    };
    return this.#database.exclusively('audit', async (em) => {
      const previous = await newestOf(em);
      const content: AuditContent = { id: previous.id + 1, at: toEpochMs(change.at ?? Date.now()), ...fields, previousHash: previous.hash };
      const entry = { ...content, hash: hashOf(content) };
      await em.insert(AuditEntry, entry);
      return toItem(entry);
    });
  }

  /** Entries that match, newest first, page by page. Throws a `RangeError` on a cursor that is none. */
  async list({ from, to, actor, action, subject, class: kind, limit = 100, cursor }: AuditQuery = {}): Promise<AuditPage> {
    const size = Math.max(1, Math.min(1000, Math.floor(limit)));
    const where = {
      ...(from !== undefined || to !== undefined ? { at: { ...(from !== undefined && { $gte: from }), ...(to !== undefined && { $lt: to }) } } : {}),
      ...(actor !== undefined && { actor: toText(actor) }),
      ...(action !== undefined && { action: toText(action) }),
      ...(subject !== undefined && { subject: toText(subject) }),
      ...(kind === 'security' && { $or: SECURITY_ACTIONS.map((prefix) => ({ action: { $like: `${prefix}.%` } })) }),
      ...(cursor !== undefined && { id: { $lt: toPosition(cursor) } }),
    };
    const options = { orderBy: { id: 'desc' }, limit: size + 1, disableIdentityMap: true } as const;
    const found = await this.#database.run((em) => em.find(AuditEntry, where, options));
    const entries = found.slice(0, size).map(toItem);
    const last = entries.at(-1);
    return found.length > size && last ? { entries, next: String(last.id) } : { entries };
  }

  /** Walks the whole chain, oldest first, and names the first entry that is not as it was recorded. */
  async verify(signal?: AbortSignal): Promise<AuditVerdict> {
    let previous = { id: 0, hash: GENESIS_HASH };
    for (;;) {
      signal?.throwIfAborted();
      const after = { id: { $gt: previous.id } };
      const options = { orderBy: { id: 'asc' }, limit: VERIFY_STEP, disableIdentityMap: true } as const;
      const step = await this.#database.run((em) => em.find(AuditEntry, after, options));
      for (const entry of step) {
        const reason = flawOf(entry, previous);
        if (reason !== undefined) return { ok: false, entries: previous.id, firstBroken: { id: entry.id, reason } };
        previous = entry;
      }
      if (step.length < VERIFY_STEP) return { ok: true, entries: previous.id, head: previous.hash };
    }
  }
}

const newestOf = async (em: SqlEntityManager): Promise<{ id: number; hash: string }> => {
  const newest = await em.findOne(AuditEntry, { id: { $gt: 0 } }, { orderBy: { id: 'desc' }, disableIdentityMap: true });
  return newest ?? { id: 0, hash: GENESIS_HASH };
};

const toJson = (value: unknown): string | null => (value === undefined ? null : (JSON.stringify(redact(value)) ?? null));

const toPosition = (cursor: string): number => {
  if (!/^\d{1,15}$/.test(cursor)) throw new RangeError('The cursor is not one that this log has given.');
  return Number(cursor);
};

const toItem = (entry: AuditEntry): AuditItem => ({
  id: entry.id,
  at: entry.at,
  actor: entry.actor,
  role: entry.role,
  action: entry.action,
  subject: entry.subject,
  ...(typeof entry.before === 'string' && { before: JSON.parse(entry.before) as unknown }),
  ...(typeof entry.after === 'string' && { after: JSON.parse(entry.after) as unknown }),
  ...(typeof entry.trace === 'string' && { trace: entry.trace }),
  ...(typeof entry.keyId === 'string' && { keyId: entry.keyId }),
  hash: entry.hash,
});
