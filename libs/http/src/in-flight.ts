import type { ServerResponse } from 'node:http';

/** The requests that a door has let in and not yet answered. */
export class InFlight {
  private readonly open = new Set<ServerResponse>();
  private readonly leave: (this: ServerResponse) => void;
  private whenEmpty: (() => void) | undefined;
  private closing = false;

  constructor() {
    const { open } = this;
    const emptied = () => this.whenEmpty?.();
    // One listener for all responses, which tells them apart by `this`: it runs for every request.
    this.leave = function (this: ServerResponse) {
      open.delete(this);
      if (open.size === 0) emptied();
    };
  }

  /** No new requests are taken, and `/health/ready` says so. */
  get isDraining(): boolean {
    return this.closing;
  }

  get size(): number {
    return this.open.size;
  }

  /** Its end is the closing of the response, which also comes when the caller hangs up. */
  enter(response: ServerResponse): void {
    this.open.add(response);
    response.on('close', this.leave);
  }

  /** Refuses new requests from now on and waits until those in flight are answered, at most `timeoutMs`. @returns how many were not */
  async drain(timeoutMs: number): Promise<number> {
    this.closing = true;
    // An event stream never ends by itself; its reader comes back to another instance, or to this one when it is up again.
    for (const response of this.open) if (isEventStream(response)) response.end();
    if (this.open.size === 0) return 0;
    const timer = { id: undefined as NodeJS.Timeout | undefined };
    await new Promise<void>((resolve) => {
      this.whenEmpty = resolve;
      timer.id = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer.id);
    return this.open.size;
  }
}

/** Nest and Fastify hand their headers straight to the socket, where only the text as it was sent still tells of them. */
const isEventStream = (response: ServerResponse): boolean => /^content-type: text\/event-stream/im.test((response as { _header?: string | null })._header ?? '');
