/**
 * The way out of a process that somebody starts again, or wants gone: to give its memory back, or because fewer are needed.
 * Other than a signal, it sets no time for the work in hand.
 */
export class Leaving {
  /** The supervisor wants this process to go when its work is done. Whoever has long work replaces this, and leaves after it. */
  onAsked: (reason: string) => void = (reason) => this.leave(reason);

  /** @param leave drains the app and ends the process with code 0 */
  constructor(readonly leave: (reason: string) => void) {}
}
