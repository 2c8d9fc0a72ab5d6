import type { Migration } from './migration';

/** Names of keys can be given again; their ids cannot. */
export const auditKey: Migration = {
  name: '0004-audit-key',
  up: async (db) => {
    await db.schema.alterTable('audit_entries').addColumn('key_id', 'text').execute();
  },
};
