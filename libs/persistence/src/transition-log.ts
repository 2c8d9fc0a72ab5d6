import { BatchWriter, type BatchWriterOptions, type BatchWriterStats } from './batch-writer';
import { toEpochMs, toInteger, toText } from './column-values';
import type { Database } from './database';
import { BreakerTransition, PlatformTransition, StartupStep } from './entities';
import { newRowId } from './row-id';

/** A platform changed its state. `at` in epoch milliseconds, as below. */
export type PlatformTransitionRow = Omit<PlatformTransition, 'id'>;
/** A circuit breaker of one router changed its position. */
export type BreakerTransitionRow = Omit<BreakerTransition, 'id'>;
/** A step of a start-up ended; `ms` is how long it took, `boot` is shared by all steps of one start. */
export type StartupStepRow = Omit<StartupStep, 'id' | 'platform' | 'detail'> & { platform?: string | undefined; detail?: string | undefined };

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

type Waiting =
  | { table: 'platform_transitions'; row: ReturnType<typeof platformColumns> }
  | { table: 'breaker_transitions'; row: ReturnType<typeof breakerColumns> }
  | { table: 'startup_steps'; row: ReturnType<typeof stepColumns> };

/**
 * What platforms, breakers and start-ups went through. Recording is best effort, in batches: it never throws and never
 * blocks. Lists are newest first and throw `DatabaseUnavailable` when the database is away.
 */
export class TransitionLog {
  readonly #database: Database;
  readonly #writer: BatchWriter<Waiting>;

  constructor(database: Database, options: BatchWriterOptions = {}) {
    this.#database = database;
    this.#writer = new BatchWriter((waiting) => this.#write(waiting), { batchSize: 100, maxBuffered: 5000, ...options });
  }

  platform(row: PlatformTransitionRow): void {
    this.#writer.add({ table: 'platform_transitions', row: platformColumns(row) });
  }

  breaker(row: BreakerTransitionRow): void {
    this.#writer.add({ table: 'breaker_transitions', row: breakerColumns(row) });
  }

  startupStep(row: StartupStepRow): void {
    this.#writer.add({ table: 'startup_steps', row: stepColumns(row) });
  }

  /** Writes what is buffered, for the drain. Never throws; resolves with the number of rows that are left. */
  flush(signal?: AbortSignal): Promise<number> {
    return this.#writer.flush(signal);
  }

  stats(): BatchWriterStats {
    return this.#writer.stats();
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

  async #write(waiting: readonly Waiting[]): Promise<void> {
    const db = this.#database.sql();
    for (const { table, row } of waiting) {
      await db.insertInto(table).values(row).onConflict((conflict) => conflict.column('id').doNothing()).execute();
    }
  }
}

const platformColumns = (row: PlatformTransitionRow) => ({
  id: newRowId(),
  at: toEpochMs(row.at),
  platform: toText(row.platform),
  from_state: toText(row.from),
  to_state: toText(row.to),
  reason: toText(row.reason),
});

const breakerColumns = (row: BreakerTransitionRow) => ({
  id: newRowId(),
  at: toEpochMs(row.at),
  platform: toText(row.platform),
  operation: toText(row.operation),
  router: toText(row.router),
  from_position: toText(row.from),
  to_position: toText(row.to),
  reason: toText(row.reason),
});

const stepColumns = (row: StartupStepRow) => ({
  id: newRowId(),
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
