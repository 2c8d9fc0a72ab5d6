import type { Kysely } from 'kysely';

/** One change of the tables. Written with Kysely's schema builder only, so that it says the same to both databases. */
export interface Migration {
  /** Unique, and in the order of execution. */
  readonly name: string;
  up(db: Kysely<unknown>): Promise<void>;
}
