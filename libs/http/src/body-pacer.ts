import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from './problem';

/** Bodies above this are paced; what people type is far below. */
const LARGE_BYTES = 65_536;
/** A second's worth may come at once. */
const BURST_SECONDS = 1;
/** Who would have to wait longer is sent away. */
const MAX_WAIT_MS = 10_000;
/** More names than that are an attack, which must not fill the memory. */
const MAX_NAMES = 10_000;
const MB = 1_048_576;

/**
 * Lets large bodies of one sender in at a steady rate (GCRA, as in ATM and many rate limiters): the next waits before it is read, so it
 * lies in the sender's own machine. Reading, checking and writing down a megabyte keeps the process from everybody else for some 30 ms.
 */
export class BodyPacer {
  /** When what each sender was let in with will have been paid for (epoch ms). */
  private readonly paidAt = new Map<string, number>();
  private readonly msPerByte: number;

  /** @param megabytesPerSecond of one sender, in this process */
  constructor(megabytesPerSecond: number) {
    this.msPerByte = 1_000 / (megabytesPerSecond * MB);
  }

  /** @returns nothing where the body may be read at once, as nearly always @throws Problem, by rejecting, when too much waits already */
  admit(sender: string, bytes: number): void | Promise<void> {
    if (bytes <= LARGE_BYTES) return;
    const now = Date.now();
    const paidAt = Math.max(now, this.paidAt.get(sender) ?? 0) + bytes * this.msPerByte;
    const waitMs = paidAt - now - BURST_SECONDS * 1_000;
    if (waitMs > MAX_WAIT_MS) throw new Problem('rate-limited', 'More large bodies than one sender may send (RATE_LIMIT_BODY_MB_PER_SECOND). Nothing was read of this one: send it again later, or fewer at once.', { retryAfterSeconds: (waitMs - MAX_WAIT_MS) / 1_000 + 1 });
    if (this.paidAt.size >= MAX_NAMES) this.forgetPaid(now);
    this.paidAt.set(sender, paidAt);
    if (waitMs > 0) return pause(waitMs);
  }

  private forgetPaid(now: number) {
    for (const [sender, paidAt] of this.paidAt) if (paidAt <= now) this.paidAt.delete(sender);
  }
}
