/** More urgent first. */
export enum Priority {
  mention,
  message,
  autonomous,
}

/** Who is spoken to by name waits for an answer; what the companion says unasked can wait. */
export const priorityOf = (kind: string): Priority => (kind === 'mention' ? Priority.mention : kind === 'autonomous' ? Priority.autonomous : Priority.message);

/** There is no place left to wait in, or somebody more urgent took it. */
export class GateFull extends Error {
  override readonly name = 'GateFull';

  constructor(readonly ahead: number) {
    super(`${ahead} messages are ahead`);
  }
}

interface Waiting {
  priority: Priority;
  enter: () => void;
  refuse: (reason: unknown) => void;
}

/** Lets `size` through at once; up to `places` wait, the most urgent at the front and among equals the one that came first. */
export class PriorityGate {
  private inside = 0;
  private queue: Waiting[] = [];

  constructor(
    readonly size: number,
    private readonly places: number,
  ) {}

  get running(): number {
    return this.inside;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /**
   * Resolves when it is this caller's turn.
   * @param signal gives up waiting, rejecting with its reason
   * @returns to be called when done
   * @throws GateFull
   */
  async enter(priority: Priority, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.inside < this.size) this.inside++;
    else await this.turn(priority, signal);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      // The turn is handed on rather than freed, so that nobody slips in between.
      const next = this.queue.shift();
      if (next) next.enter();
      else this.inside--;
    };
  }

  private async turn(priority: Priority, signal: AbortSignal): Promise<void> {
    const last = this.queue.at(-1);
    if (this.queue.length >= this.places) {
      if (!last || last.priority <= priority) throw new GateFull(this.inside + this.queue.length);
      this.queue.pop();
      last.refuse(new GateFull(this.inside + this.queue.length + 1));
    }
    let giveUp: (() => void) | undefined;
    try {
      await new Promise<void>((enter, refuse) => {
        const waiting: Waiting = { priority, enter, refuse };
        const behind = this.queue.findIndex((other) => other.priority > priority);
        this.queue.splice(behind < 0 ? this.queue.length : behind, 0, waiting);
        giveUp = () => {
          this.queue = this.queue.filter((other) => other !== waiting);
          refuse(signal.reason);
        };
        signal.addEventListener('abort', giveUp);
      });
    } finally {
      signal.removeEventListener('abort', giveUp!);
    }
  }
}
