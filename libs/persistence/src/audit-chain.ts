import { createHash } from 'node:crypto';
import type { AuditEntry } from './entities';

/** The hash that the first entry names as its previous one. */
export const GENESIS_HASH = '0'.repeat(64);

/** Everything that is stored of an entry, but for its own hash. */
export type AuditContent = Omit<AuditEntry, 'hash'>;

/**
 * SHA-256 in hex over all fields in a fixed order, the hash of the entry before among them. JSON keeps the fields apart:
 * joined texts could be moved from one field to the next without changing the hash.
 */
export const hashOf = (entry: AuditContent): string => {
  const fields = [entry.id, entry.at, entry.actor, entry.role, entry.action, entry.subject, entry.before, entry.after, entry.trace, entry.previousHash];
  // Entries from before there was one are hashed as they were.
  if (typeof entry.keyId === 'string') fields.push(entry.keyId);
  return createHash('sha256').update(JSON.stringify(fields.map((field) => field ?? null))).digest('hex');
};

/** What is wrong with `entry` as the one that follows `previous`; undefined when it is in order. */
export const flawOf = (entry: AuditEntry, previous: { id: number; hash: string }): string | undefined => {
  if (entry.id !== previous.id + 1) return `entry ${previous.id + 1} is missing`;
  if (entry.previousHash !== previous.hash) return 'it does not continue the entry before it';
  if (entry.hash !== hashOf(entry)) return 'its content is not what was recorded';
  return undefined;
};
