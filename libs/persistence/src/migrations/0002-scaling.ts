import type { Migration } from './migration';

/** What the scaler saw and decided. */
export const scaling: Migration = {
  name: '0002-scaling',
  up: async (db) => {
    await db.schema
      .createTable('scaling_decisions')
      .addColumn('id', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('platforms', 'text', (column) => column.notNull())
      .addColumn('trigger_kind', 'text', (column) => column.notNull())
      .addColumn('rule', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('inputs', 'text', (column) => column.notNull())
      .addColumn('forecast', 'text')
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('expected', 'text', (column) => column.notNull())
      .addColumn('measured', 'text')
      .addColumn('reconsider_at', 'bigint', (column) => column.notNull())
      .addColumn('token', 'bigint', (column) => column.notNull())
      .addColumn('decided_by', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('scaling_decisions_at_id_index').on('scaling_decisions').columns(['at', 'id']).execute();
    await db.schema
      .createTable('scaling_rollups')
      .addColumn('bucket_ms', 'integer', (column) => column.notNull())
      .addColumn('series', 'varchar(128)', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('writer', 'varchar(64)', (column) => column.notNull())
      .addColumn('samples', 'integer', (column) => column.notNull())
      .addColumn('mean', 'double precision', (column) => column.notNull())
      .addColumn('max', 'double precision', (column) => column.notNull())
      .addPrimaryKeyConstraint('scaling_rollups_pkey', ['bucket_ms', 'series', 'at', 'writer'])
      .execute();
    await db.schema.createIndex('scaling_rollups_bucket_ms_at_index').on('scaling_rollups').columns(['bucket_ms', 'at']).execute();
  },
};
