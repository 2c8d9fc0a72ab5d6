import { AuditLog } from '../audit-log';
import { openDatabase } from '../database';
import type { DatabaseOptions } from '../database-options';
import { MetricsRetention } from '../metrics-retention';
import { MetricsWriter } from '../metrics-writer';
import { check, identified } from './check';

/** What a process of its own does in a test: `node child.js <work> <options of the database as JSON> <name>`. */
const work: Record<string, (options: DatabaseOptions, name: string) => Promise<unknown>> = {
  migrate: async (options) => {
    await using database = await openDatabase(options);
    return await database.migrate();
  },
  'write-200-checks': async (options, name) => {
    await using database = await openDatabase(options);
    const writer = new MetricsWriter(database);
    const rows = identified(Array.from({ length: 200 }, (_, timestamp) => check({ timestamp, instanceId: name })));
    for (let at = 0; at < rows.length; at += 5) await writer.write(rows.slice(at, at + 5));
    return rows.length;
  },
  'record-50-changes': async (options, name) => {
    await using database = await openDatabase(options);
    const log = new AuditLog(database);
    for (let change = 0; change < 50; change += 1) {
      await log.record({ actor: name, role: 'admin', action: 'count', subject: 'stubs', after: { change } });
    }
    return 50;
  },
  'roll-up': async (options, now) => {
    await using database = await openDatabase(options);
    return await new MetricsRetention(database).rollUp(Number(now));
  },
};

const main = async (): Promise<void> => {
  const [name = '', options = '', argument = ''] = process.argv.slice(2);
  const result = await work[name]?.(JSON.parse(options) as DatabaseOptions, argument);
  process.stdout.write(JSON.stringify(result));
};
void main();
