import type { Logger } from '@conductor/observability';

interface Resource {
  name: string;
  what: unknown;
  close: () => unknown;
}

/** Longest time a drain may take. `Worker.close()` of BullMQ waits for Redis, which may be away. */
const DRAIN_MS = 8_000;
/** What comes after one that hangs still gets this long. */
const LAST_CHANCE_MS = 100;

/**
 * What a process holds, let go in the reverse order of its taking: doors and consumers first, then what they need to finish
 * their work, connections last. Nest's own hooks give no order between modules, so every app drains through this.
 */
export class Resources {
  private readonly held: Resource[] = [];
  private draining?: Promise<void>;

  constructor(private readonly logger: Logger) {}

  hold<T>(name: string, resource: T, close: (resource: T) => unknown): T {
    this.held.push({ name, what: resource, close: () => close(resource) });
    return resource;
  }

  /** Lets one thing go now, since the process goes on without it. */
  async release(resource: unknown): Promise<void> {
    if (this.draining) return this.draining;
    const at = this.held.findIndex(({ what }) => what === resource);
    if (at >= 0) await this.held.splice(at, 1)[0]!.close();
  }

  get isDraining(): boolean {
    return this.draining !== undefined;
  }

  drain(): Promise<void> {
    this.draining ??= this.letGo();
    return this.draining;
  }

  private async letGo(): Promise<void> {
    const timeIsUp = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref());
    // What one of them lets go of while it closes is not closed a second time.
    for (let last = this.held.pop(); last !== undefined; last = this.held.pop()) {
      const { name, close } = last;
      const end = await Promise.race([
        timeIsUp.then(() => new Promise<'late'>((resolve) => setTimeout(resolve, LAST_CHANCE_MS, 'late').unref())),
        Promise.resolve()
          .then(close)
          .then(() => 'closed' as const, (error: unknown) => {
            this.logger.warn({ err: error, resource: name }, 'closing failed');
            return 'closed' as const;
          }),
      ]);
      if (end === 'late') this.logger.warn({ resource: name }, 'did not close in time and is left behind');
    }
  }
}
