import { ScalingDecision } from '@conductor/contracts';
import { toEpochMs, toText } from './column-values';
import type { Database } from './database';
import type { ScalingDecisionEntry, Tables } from './entities';

export interface DecisionQuery {
  platform?: string | undefined;
  kind?: string | readonly string[] | undefined;
  /** Epoch milliseconds; `to` is not part of the range. */
  from?: number | undefined;
  to?: number | undefined;
  /** Default 100, at most 1000. */
  limit?: number | undefined;
  /** As an earlier page gave it. */
  cursor?: string | undefined;
}

export interface DecisionPage {
  /** Newest first. */
  readonly items: ScalingDecision[];
  readonly next?: string;
}

const ROWS_PER_DELETE = 1_000;

/** Every decision of the scaler. All methods throw `DatabaseUnavailable` when the database is away. */
export class ScalingLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A decision that is there already stays as it is, but for its measured effect, which the same decision again adds. */
  async write(decisions: readonly ScalingDecision[]): Promise<void> {
    await this.#database.run(async (em) => {
      const db = this.#database.sql(em);
      for (const row of decisions.map(toColumns)) {
        const effect = row.measured === null ? undefined : { measured: row.measured };
        await db
          .insertInto('scaling_decisions')
          .values(row)
          .onConflict((conflict) => (effect ? conflict.column('id').doUpdateSet(effect) : conflict.column('id').doNothing()))
          .execute();
      }
    });
  }

  /** @throws RangeError when the cursor is none of ours */
  async list({ platform, kind, from, to, limit = 100, cursor }: DecisionQuery = {}): Promise<DecisionPage> {
    const size = Math.max(1, Math.min(1_000, Math.floor(limit)));
    const after = cursor === undefined ? undefined : toPlace(cursor);
    const rows = await this.#database.run((em) =>
      this.#database
        .sql(em)
        .selectFrom('scaling_decisions')
        .selectAll()
        .$if(platform !== undefined, (query) => query.where('platforms', 'like', `%,${platform ?? ''},%`))
        .$if(kind !== undefined, (query) => query.where('kind', 'in', [kind ?? []].flat()))
        .$if(from !== undefined, (query) => query.where('at', '>=', from ?? 0))
        .$if(to !== undefined, (query) => query.where('at', '<', to ?? 0))
        .$if(after !== undefined, (query) => query.where((eb) => eb.or([eb('at', '<', after!.at), eb.and([eb('at', '=', after!.at), eb('id', '<', after!.id)])])))
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(size + 1)
        .execute(),
    );
    const items = rows.slice(0, size).map(toDecision);
    const last = items.at(-1);
    return rows.length > size && last ? { items, next: `${last.at}.${last.id}` } : { items };
  }

  async one(id: string): Promise<ScalingDecision | undefined> {
    const row = await this.#database.run((em) => this.#database.sql(em).selectFrom('scaling_decisions').selectAll().where('id', '=', id).executeTakeFirst());
    return row && toDecision(row);
  }

  /** Removes decisions older than this (epoch milliseconds). @returns how many */
  async prune(before: number): Promise<number> {
    return this.#database.run(async (em) => {
      const db = this.#database.sql(em);
      for (let total = 0; ; ) {
        const old = db.selectFrom('scaling_decisions').select('id').where('at', '<', before).orderBy('at').limit(ROWS_PER_DELETE);
        const removed = Number((await db.deleteFrom('scaling_decisions').where('id', 'in', old).executeTakeFirst()).numDeletedRows);
        total += removed;
        if (removed < ROWS_PER_DELETE) return total;
      }
    });
  }
}

const toColumns = (decision: ScalingDecision) => ({
  id: toText(decision.id, 64),
  at: toEpochMs(decision.at),
  kind: decision.kind,
  platforms: toText(`,${decision.platforms.join(',')},`, 20_000),
  trigger_kind: decision.trigger,
  rule: toText(decision.rule),
  reason: toText(decision.reason),
  inputs: JSON.stringify(decision.inputs),
  forecast: decision.forecast ? JSON.stringify(decision.forecast) : null,
  action: JSON.stringify(decision.action),
  expected: JSON.stringify(decision.expected),
  measured: decision.measured ? JSON.stringify(decision.measured) : null,
  reconsider_at: toEpochMs(decision.reconsiderAt),
  token: decision.token,
  decided_by: toText(decision.by),
});

const toDecision = (row: { [K in keyof Tables['scaling_decisions']]: unknown }): ScalingDecision => {
  const json = (column: unknown) => (column === null ? undefined : (JSON.parse(String(column)) as unknown));
  return ScalingDecision.parse({
    id: row.id,
    at: Number(row.at),
    kind: row.kind,
    platforms: String(row.platforms).split(',').filter(Boolean),
    trigger: row.trigger_kind,
    rule: row.rule,
    reason: row.reason,
    inputs: json(row.inputs),
    forecast: json(row.forecast),
    action: json(row.action),
    expected: json(row.expected),
    measured: json(row.measured),
    reconsiderAt: Number(row.reconsider_at),
    token: Number(row.token),
    by: row.decided_by,
  } satisfies Record<keyof ScalingDecision & keyof ScalingDecisionEntry, unknown>);
};

const toPlace = (cursor: string): { at: number; id: string } => {
  const [, at, id] = /^(\d{1,15})\.([\w:.-]{1,64})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) throw new RangeError('The cursor is not one that this list has given.');
  return { at: Number(at), id };
};
