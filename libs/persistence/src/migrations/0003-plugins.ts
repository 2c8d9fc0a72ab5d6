import type { Migration } from './migration';

/** What became of plugins. */
export const plugins: Migration = {
  name: '0003-plugins',
  up: async (db) => {
    await db.schema
      .createTable('plugin_generations')
      .addColumn('id', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('plugin', 'varchar(128)', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('generation', 'text')
      .addColumn('replaced', 'text')
      .addColumn('step', 'text')
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('ms', 'double precision')
      .execute();
    await db.schema.createIndex('plugin_generations_plugin_at_index').on('plugin_generations').columns(['plugin', 'at']).execute();
  },
};
