import { messageBytes, type QuotaLimit, type WaitingQuota } from '@conductor/bus';
import type { QuotaAccount, QuotaRefusal, Request } from '@conductor/contracts';
import { Problem } from '@conductor/http';

/** Of all requests that a router holds for callers who wait, in bytes. */
const MAX_HELD_BYTES = 256 * 1_048_576;

/**
 * What may wait of one key. Messages that may wait for their platform count in Redis, for all routers together. Of those whose callers
 * wait for an answer each router counts what it holds, without a trip to Redis: they are few, and gone after their deadline.
 */
export class IngressQuota {
  private readonly held = new Map<string, number>();
  private heldBytes = 0;

  constructor(
    private readonly waiting: WaitingQuota,
    private readonly limits: { sender: QuotaLimit; platform: QuotaLimit },
    private readonly onRefused: (refusal: QuotaRefusal) => void,
  ) {}

  /** Counts a request that this router holds. @returns takes it back. @throws Problem */
  enter(caller: string, bytes: number): () => void {
    const before = this.held.get(caller) ?? 0;
    if (before > 0 && before + bytes > this.limits.sender.bytes) throw this.refused({ kind: 'key', id: caller }, before);
    if (this.heldBytes > 0 && this.heldBytes + bytes > MAX_HELD_BYTES) throw new Problem('overloaded', 'this router holds as many bytes of requests as it may; try again shortly', { retryAfterSeconds: 1 });
    this.held.set(caller, before + bytes);
    this.heldBytes += bytes;
    return () => {
      this.heldBytes -= bytes;
      const left = this.held.get(caller)! - bytes;
      if (left > 0) this.held.set(caller, left);
      else this.held.delete(caller);
    };
  }

  /** @throws QuotaExceeded, RedisUnavailable */
  charge(request: Request, caller: string, target: string): Promise<NonNullable<Request['charged']>> {
    return this.waiting.charge(request.id, messageBytes(request), [
      { account: { kind: 'key', id: caller }, limit: this.limits.sender },
      { account: { kind: 'platform', id: target }, limit: this.limits.platform },
    ]);
  }

  private refused(account: QuotaAccount, bytes: number): Problem {
    const reason = `requests with ${Math.round(bytes / 1_048_576)} MB of this key wait for their answers here already; send more when some of them are answered`;
    this.onRefused({ account, items: 0, bytes, reason });
    return new Problem('quota-exceeded', `${reason}.`, { retryAfterSeconds: 1 });
  }
}
