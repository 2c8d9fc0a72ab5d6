/** A row and its identity: the same id again is stored once. */
export interface Identified<Row> {
  readonly id: string;
  readonly row: Row;
}
