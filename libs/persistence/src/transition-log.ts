import type { BreakerTransitionRow, HistoryRow, PlatformTransitionRow, StartupStepRow } from '@conductor/contracts';
import { toEpochMs, toInteger, toText } from './column-values';
import type { Database } from './database';
import { BreakerTransition, PlatformTransition, StartupStep } from './entities';
import type { Identified } from './identified';

export interface TransitionQuery {
  platform?: string | undefined;
  /** Epoch milliseconds. */
  from?: number | undefined;
  /** Epoch milliseconds; not part of the range. */
  to?: number | undefined;
  /** Default 100, at most 1000. */
  limit?: number | undefined;
}
export type BreakerTransitionQuery = TransitionQuery & { operation?: string | undefined; router?: string | undefined };
export type StartupStepQuery = TransitionQuery & { boot?: string | undefined };

/** What this log keeps. */
export type TransitionRow = Extract<HistoryRow, { kind: 'platform-transition' | 'breaker-transition' | 'startup-step' }>;

/** What platforms, breakers and start-ups went through. Lists are newest first; all methods throw `DatabaseUnavailable` when the database is away. */
export class TransitionLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A row whose id is there already stays as it is. */
  async write(rows: readonly TransitionRow[]): Promise<void> {
    await this.#database.run(async (em) => {
      const db = this.#database.sql(em);
      for (const { table, columns } of rows.map(insertOf)) {
        await db.insertInto(table).values(columns).onConflict((conflict) => conflict.column('id').doNothing()).execute();
      }
    });
  }

  async platforms(query: TransitionQuery = {}): Promise<PlatformTransitionRow[]> {
    return withoutId(await this.#database.run((em) => em.find(PlatformTransition, conditions(query), newestFirst(query))));
  }

  async breakers({ operation, router, ...query }: BreakerTransitionQuery = {}): Promise<BreakerTransitionRow[]> {
    const where = { ...conditions(query), ...(operation !== undefined && { operation }), ...(router !== undefined && { router }) };
    return withoutId(await this.#database.run((em) => em.find(BreakerTransition, where, newestFirst(query))));
  }

  async startupSteps({ boot, ...query }: StartupStepQuery = {}): Promise<StartupStepRow[]> {
    const where = { ...conditions(query), ...(boot !== undefined && { boot }) };
    const steps = await this.#database.run((em) => em.find(StartupStep, where, newestFirst(query)));
    return withoutId(steps).map((step) => ({ ...step, platform: step.platform ?? undefined, detail: step.detail ?? undefined }));
  }
}

const insertOf = (row: TransitionRow) => {
  switch (row.kind) {
    case 'platform-transition':
      return { table: 'platform_transitions', columns: platformColumns(row) } as const;
    case 'breaker-transition':
      return { table: 'breaker_transitions', columns: breakerColumns(row) } as const;
    case 'startup-step':
      return { table: 'startup_steps', columns: stepColumns(row) } as const;
  }
};

const platformColumns = ({ id, row }: Identified<PlatformTransitionRow>) => ({
  id,
  at: toEpochMs(row.at),
  platform: toText(row.platform),
  from_state: toText(row.from),
  to_state: toText(row.to),
  reason: toText(row.reason),
});

const breakerColumns = ({ id, row }: Identified<BreakerTransitionRow>) => ({
  id,
  at: toEpochMs(row.at),
  platform: toText(row.platform),
  operation: toText(row.operation),
  router: toText(row.router),
  from_position: toText(row.from),
  to_position: toText(row.to),
  reason: toText(row.reason),
});

const stepColumns = ({ id, row }: Identified<StartupStepRow>) => ({
  id,
  at: toEpochMs(row.at),
  boot: toText(row.boot),
  phase: toText(row.phase),
  platform: row.platform === undefined ? null : toText(row.platform),
  result: toText(row.result),
  ms: toInteger(row.ms, 0),
  detail: row.detail === undefined ? null : toText(row.detail),
});

const conditions = ({ platform, from, to }: TransitionQuery) => ({
  ...(platform !== undefined && { platform }),
  ...(from !== undefined || to !== undefined ? { at: { ...(from !== undefined && { $gte: from }), ...(to !== undefined && { $lt: to }) } } : {}),
});

/** Within one millisecond the id, which grows with time, tells the order. */
const newestFirst = ({ limit = 100 }: TransitionQuery) => ({
  orderBy: { at: 'desc', id: 'desc' } as const,
  limit: Math.max(1, Math.min(1000, Math.floor(limit))),
  disableIdentityMap: true,
});

const withoutId = <Row extends { id: string }>(rows: Row[]): Omit<Row, 'id'>[] =>
  rows.map((row) => {
    const { id: _, ...rest } = { ...row };
    return rest;
  });
