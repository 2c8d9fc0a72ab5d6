import type { CreateTableBuilder, Kysely } from 'kysely';
import type { Migration } from './migration';

/**
 * Times are `bigint` epoch milliseconds: the same number on both databases, in every time zone. `double precision` is
 * `REAL` to SQLite and `varchar(n)` is `TEXT`. Ids are made by the writer (UUID version 7), so a batch that was sent
 * twice, because its answer got lost, is stored once.
 */
export const firstTables: Migration = {
  name: '0001-first-tables',
  up: async (db) => {
    await createMetrics(db);
    await createHourly(db);
    await createAudit(db);
    await createTransitions(db);
    await createStartupSteps(db);
  },
};

const createMetrics = async (db: Kysely<unknown>): Promise<void> => {
  await withId(db.schema.createTable('integration_metrics'))
    .addColumn('timestamp', 'bigint', (column) => column.notNull())
    .addColumn('platform_name', 'text', (column) => column.notNull())
    .addColumn('instance_id', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('response_time_ms', 'integer')
    .addColumn('error_count', 'integer', (column) => column.notNull())
    .addColumn('request_count', 'integer', (column) => column.notNull())
    .addColumn('resource_usage_mb', 'double precision')
    .execute();
  await index(db, 'integration_metrics', ['platform_name', 'timestamp']);
  await index(db, 'integration_metrics', ['timestamp']);
};

const createHourly = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('integration_metrics_hourly')
    .addColumn('platform_name', 'text', (column) => column.notNull())
    .addColumn('hour', 'bigint', (column) => column.notNull())
    .addColumn('checks', 'integer', (column) => column.notNull())
    .addColumn('unhealthy_checks', 'integer', (column) => column.notNull())
    .addColumn('avg_response_time_ms', 'double precision')
    .addColumn('max_response_time_ms', 'integer')
    .addColumn('p95_response_time_ms', 'integer')
    .addColumn('error_count', 'bigint', (column) => column.notNull())
    .addColumn('request_count', 'bigint', (column) => column.notNull())
    .addColumn('avg_resource_usage_mb', 'double precision')
    .addColumn('max_resource_usage_mb', 'double precision')
    .addPrimaryKeyConstraint('integration_metrics_hourly_pkey', ['platform_name', 'hour'])
    .execute();
  await index(db, 'integration_metrics_hourly', ['hour']);
};

const createAudit = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('audit_entries')
    .addColumn('id', 'bigint', (column) => column.primaryKey().notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('before', 'text')
    .addColumn('after', 'text')
    .addColumn('trace', 'text')
    .addColumn('previous_hash', 'varchar(64)', (column) => column.notNull())
    .addColumn('hash', 'varchar(64)', (column) => column.notNull())
    .execute();
  await index(db, 'audit_entries', ['at']);
  await index(db, 'audit_entries', ['actor', 'id']);
  await index(db, 'audit_entries', ['subject', 'id']);
};

const createTransitions = async (db: Kysely<unknown>): Promise<void> => {
  await withId(db.schema.createTable('platform_transitions'))
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('platform', 'text', (column) => column.notNull())
    .addColumn('from_state', 'text', (column) => column.notNull())
    .addColumn('to_state', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .execute();
  await withId(db.schema.createTable('breaker_transitions'))
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('platform', 'text', (column) => column.notNull())
    .addColumn('operation', 'text', (column) => column.notNull())
    .addColumn('router', 'text', (column) => column.notNull())
    .addColumn('from_position', 'text', (column) => column.notNull())
    .addColumn('to_position', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .execute();
  for (const table of ['platform_transitions', 'breaker_transitions']) {
    await index(db, table, ['platform', 'at']);
    await index(db, table, ['at']);
  }
};

const createStartupSteps = async (db: Kysely<unknown>): Promise<void> => {
  await withId(db.schema.createTable('startup_steps'))
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('boot', 'text', (column) => column.notNull())
    .addColumn('phase', 'text', (column) => column.notNull())
    .addColumn('platform', 'text')
    .addColumn('result', 'text', (column) => column.notNull())
    .addColumn('ms', 'integer', (column) => column.notNull())
    .addColumn('detail', 'text')
    .execute();
  await index(db, 'startup_steps', ['boot', 'at']);
  await index(db, 'startup_steps', ['at']);
};

const withId = <T extends string>(table: CreateTableBuilder<T>) =>
  table.addColumn('id', 'varchar(36)', (column) => column.primaryKey().notNull());

/** Named as MikroORM would name it, so that its comparison of entities and tables finds no difference. */
const index = (db: Kysely<unknown>, table: string, columns: string[]): Promise<void> =>
  db.schema.createIndex(`${table}_${columns.join('_')}_index`).on(table).columns(columns).execute();
