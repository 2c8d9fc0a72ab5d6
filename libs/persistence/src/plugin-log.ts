import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { PluginEvent } from '@conductor/contracts';
import { sql } from 'kysely';
import { toEpochMs, toText } from './column-values';
import type { Database } from './database';

export interface PluginLogQuery {
  plugin?: string | undefined;
  /** Epoch milliseconds, not part of the range. */
  before?: number | undefined;
  /** Default 100, at most 1000. */
  limit?: number | undefined;
}

/** Events of each plugin that stay however old they are. */
const KEPT_OF_EACH = 50;
const ROWS_PER_DELETE = 1_000;

/** What became of plugins, version by version. All methods throw `DatabaseUnavailable` when the database is away. */
export class PluginLog {
  constructor(private readonly database: Database) {}

  /** An event that is there already stays as it is. */
  async write(events: readonly PluginEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.database.run(async (em) => {
      await this.database
        .sql(em)
        .insertInto('plugin_generations')
        .values(events.map(toColumns))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    });
  }

  /**
   * Removes events older than this (epoch milliseconds), but for the newest of each plugin: what became of one that rests for long still
   * stands there. @returns how many
   */
  async prune(before: number, keptOfEach = KEPT_OF_EACH): Promise<number> {
    return this.database.run(async (em) => {
      const db = this.database.sql(em);
      for (let total = 0; ; await yieldToOthers()) {
        const step = sql`delete from plugin_generations where id in (
          select id from (select id, at, row_number() over (partition by plugin order by at desc, id desc) as place from plugin_generations) as ranked
          where at < ${before} and place > ${keptOfEach} limit ${ROWS_PER_DELETE})`;
        const removed = Number((await step.execute(db)).numAffectedRows ?? 0);
        total += removed;
        if (removed < ROWS_PER_DELETE) return total;
      }
    });
  }

  /** Newest first. */
  async list({ plugin, before, limit = 100 }: PluginLogQuery = {}): Promise<PluginEvent[]> {
    const rows = await this.database.run((em) =>
      this.database
        .sql(em)
        .selectFrom('plugin_generations')
        .selectAll()
        .$if(plugin !== undefined, (query) => query.where('plugin', '=', plugin ?? ''))
        .$if(before !== undefined, (query) => query.where('at', '<', before ?? 0))
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(Math.max(1, Math.min(1_000, Math.floor(limit))))
        .execute(),
    );
    return rows.map(({ generation, replaced, step, actor, ms, at, ...row }) =>
      PluginEvent.parse({ ...row, at: Number(at), by: actor, ...(generation !== null && { version: generation }), ...(replaced !== null && { from: replaced }), ...(step !== null && { step }), ...(ms !== null && { ms: Number(ms) }) }),
    );
  }
}

const toColumns = ({ id, at, host, plugin, event, version, from, step, reason, by, ms }: PluginEvent) => ({
  id: toText(id, 64),
  at: toEpochMs(at),
  host: toText(host),
  plugin: toText(plugin, 128),
  event,
  generation: version === undefined ? null : toText(version),
  replaced: from === undefined ? null : toText(from),
  step: step === undefined ? null : toText(step),
  reason: toText(reason),
  actor: toText(by),
  ms: ms ?? null,
});
