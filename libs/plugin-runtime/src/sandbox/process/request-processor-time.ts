/** What one message has used of the processor so far, in milliseconds. */
export interface RequestShare {
  cpuMs: number;
}

interface Present extends RequestShare {
  /** Since when it is in hand, or since the latest measurement (ms). */
  since: number;
  /** How long it was in hand since the latest measurement (ms). */
  presentMs: number;
  ended: boolean;
}

/** Processor time outside of messages, and how long there was none in hand. */
export interface IdleTime {
  readonly cpuMs: number;
  readonly ms: number;
}

/**
 * Whose the processor time of one process is. The kernel counts it for the process as a whole, so what was used while messages were in
 * hand is shared among them, by the time that each was in hand: with one it is exact, with several an estimate that is right on average.
 * Whatever the process does meanwhile is theirs, too. The plugin has no say in it.
 *
 * It is measured when the first message comes, when the last one ends, and with each look in between, so that time with messages and
 * time without any do not mix, and a busy process costs no measurement for each message.
 */
export class RequestProcessorTime {
  private readonly present = new Set<Present>();
  private inHand = 0;
  private measured?: { at: number; cpuMs: number };
  private idleCpuMs = 0;
  private idleMs = 0;
  private heaviestMs = 0;
  private sumMs = 0;
  private mostMs = 0;

  /**
   * @param read processor time of the process since it began (ms), undefined when nobody can tell
   * @param now milliseconds of any clock that does not go back
   */
  constructor(
    private readonly read: () => number | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Of all messages together, those in hand included (ms). */
  get totalMs(): number {
    return this.sumMs;
  }

  /** Of the message that used the most (ms). */
  get largestMs(): number {
    return this.mostMs;
  }

  begin(): RequestShare {
    if (this.inHand++ === 0) this.measure();
    const share: Present = { cpuMs: 0, since: this.now(), presentMs: 0, ended: false };
    this.present.add(share);
    return share;
  }

  end(share: RequestShare): void {
    const ending = share as Present;
    ending.presentMs += this.now() - ending.since;
    ending.ended = true;
    if (--this.inHand === 0) this.measure();
  }

  /** @returns what the heaviest message has used that was in hand at any time since the look before */
  look(): number {
    this.measure();
    const heaviest = this.heaviestMs;
    this.heaviestMs = 0;
    return heaviest;
  }

  /** What was used without any message in hand, since it was asked the last time. Undefined until that took so long. */
  takeIdle(longEnoughMs: number): IdleTime | undefined {
    if (this.idleMs < longEnoughMs) return undefined;
    const idle = { cpuMs: this.idleCpuMs, ms: this.idleMs };
    this.idleCpuMs = this.idleMs = 0;
    return idle;
  }

  private measure(): void {
    const cpuMs = this.read();
    if (cpuMs === undefined) return;
    const at = this.now();
    const before = this.measured ?? { at, cpuMs };
    this.measured = { at, cpuMs };
    const used = cpuMs - before.cpuMs;
    if (this.present.size > 0) return this.share(used, at);
    this.idleCpuMs += used;
    this.idleMs += at - before.at;
  }

  private share(used: number, at: number): void {
    for (const each of this.present) if (!each.ended) each.presentMs += at - each.since;
    const together = [...this.present].reduce((sum, { presentMs }) => sum + presentMs, 0);
    for (const each of this.present) {
      each.cpuMs += together > 0 ? (used * each.presentMs) / together : used / this.present.size;
      this.heaviestMs = Math.max(this.heaviestMs, each.cpuMs);
      if (each.ended) this.present.delete(each);
      else Object.assign(each, { since: at, presentMs: 0 });
    }
    this.sumMs += used;
    this.mostMs = Math.max(this.mostMs, this.heaviestMs);
  }
}
