/** The launcher cannot do its work, for a reason that a person can mend. The message says what happened, why, and what to do. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}
