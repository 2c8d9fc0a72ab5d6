import type { RedisConnections } from '@conductor/connections';

/** Notes when Redis was away, so that nobody is blamed for a silence that was ours. */
export class RedisOutages {
  private interruptions = 0;
  private backAt = -Infinity;

  constructor(private readonly connections: RedisConnections) {
    for (const connection of this.observed) connection.on('close', this.interrupted).on('ready', this.back);
  }

  /** Grows with every interruption: work that sees another count at its end than at its start was disturbed. */
  get count(): number {
    return this.interruptions;
  }

  /** Whether Redis came back within the last `ms` milliseconds; false after the first connection. */
  endedWithin(ms: number): boolean {
    return performance.now() - this.backAt < ms;
  }

  close(): void {
    for (const connection of this.observed) connection.off('close', this.interrupted).off('ready', this.back);
  }

  private get observed() {
    return [this.connections.commands, this.connections.subscriber];
  }

  private readonly interrupted = () => void this.interruptions++;

  private readonly back = () => {
    if (this.interruptions > 0) this.backAt = performance.now();
  };
}
