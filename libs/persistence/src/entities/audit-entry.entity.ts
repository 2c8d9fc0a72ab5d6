import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** One change by a person or by the system. Chained by hash; never updated, never deleted. */
export const AuditEntry = defineEntity({
  name: 'AuditEntry',
  tableName: 'audit_entries',
  properties: {
    /** Its place in the chain: 1, 2, 3, … without a gap. */
    id: p.bigint('number').primary().autoincrement(false),
    at: p.bigint('number'),
    actor: p.text(),
    role: p.text(),
    action: p.text(),
    subject: p.text(),
    /** JSON text, byte for byte as it was hashed. */
    before: p.text().nullable(),
    after: p.text().nullable(),
    trace: p.text().nullable(),
    keyId: p.text().nullable(),
    previousHash: p.string().length(64),
    hash: p.string().length(64),
  },
  indexes: [{ properties: ['at'] }, { properties: ['actor', 'id'] }, { properties: ['subject', 'id'] }],
});
export type AuditEntry = InferEntity<typeof AuditEntry>;
