import { PRICES } from './head-room';
import { MODEL_NAMES } from './forecast';

/** Per model: its point, its scale, its interval. */
export const PER_MODEL = 4;
/** After the models: the forecast at every price, the one in force, what was provided for, what was expected, and the long-run mean of the series. */
export const AT_PRICES = MODEL_NAMES.length * PER_MODEL;
export const IN_FORCE = AT_PRICES + PRICES.length;
export const PROVISION = IN_FORCE + 1;
export const EXPECTED = PROVISION + 1;
export const LEVEL = EXPECTED + 1;
export const WHOLE = LEVEL + 1;
const WIDTH = WHOLE + 1;

/** At most so many forecasts of one look-ahead wait for their truth; longer look-aheads are made so much more rarely. */
export const MOST_PENDING = 30;

/** Forecasts that wait for their truth, oldest first: a ring of plain numbers, 250 bytes a forecast with all that is to be known of it. */
export class Pending {
  /** Of all forecasts; `push` and `oldest` say where one begins. A view for each would be most of a tick's garbage. */
  readonly cells: Float64Array;
  private readonly dueAt: Float64Array;
  private head = 0;
  private size = 0;

  /** @param most how many wait at a time */
  constructor(private readonly most: number) {
    this.dueAt = new Float64Array(most);
    this.cells = new Float64Array(most * WIDTH);
  }

  /** Where the cells of a new forecast begin, to be filled in. When there is no room, the oldest one is given up. */
  push(dueAt: number): number {
    if (this.size === this.most) this.drop();
    const slot = (this.head + this.size++) % this.most;
    this.dueAt[slot] = dueAt;
    return slot * WIDTH;
  }

  /** When the oldest is due; undefined when none waits. */
  get nextDue(): number | undefined {
    return this.size > 0 ? this.dueAt[this.head] : undefined;
  }

  get oldest(): number {
    return this.head * WIDTH;
  }

  drop(): void {
    this.head = (this.head + 1) % this.most;
    this.size--;
  }

  clear(): void {
    this.size = 0;
  }
}
