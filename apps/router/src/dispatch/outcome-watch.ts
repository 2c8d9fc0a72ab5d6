import type { ReplyInbox } from '@conductor/bus';
import { FailureClass, type Outcome, type Reply } from '@conductor/contracts';
import type { Admission, Verdict } from '@conductor/resilience';
import type { ParcelSender } from './parcel-sender';

type Admitted = Extract<Admission, { admitted: true }>;

interface Watched {
  admission: Admitted;
  platform: string;
  /** What its sender gave the platform, in milliseconds; unlimited where nobody waits. */
  budgetMs: number;
  /** Epoch ms by which an outcome is due. */
  due: number;
  /** Somebody waits for the answer: no outcome in time is a failure of the platform. */
  awaited: boolean;
}

const SWEEP_MS = 500;
/** A time-out counts against a platform that had this many times what it usually takes; less was the sender's choice. */
const FAIR_BUDGET = 2;
/** Messages nobody waits for are forgotten after this time: they may wait for their platform much longer. */
const UNAWAITED_MS = 60_000;

/** Tells the circuit breakers how dispatched messages ended. */
export class OutcomeWatch {
  private readonly watched = new Map<string, Watched>();
  private readonly sweeper: NodeJS.Timeout;

  constructor(inbox: ReplyInbox, private readonly sender: ParcelSender) {
    inbox.observe((reply) => this.ended(reply));
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  watch(id: string, platform: string, admission: Admitted, expires: number | undefined) {
    const now = Date.now();
    this.watched.set(id, { admission, platform, budgetMs: expires === undefined ? Infinity : expires - now, due: expires ?? now + UNAWAITED_MS, awaited: expires !== undefined });
  }

  forget(id: string) {
    this.watched.get(id)?.admission.settle('neutral');
    this.watched.delete(id);
  }

  close() {
    clearInterval(this.sweeper);
  }

  private ended({ id, outcome, platform, platformMs }: Reply) {
    const isLate = outcome.result !== 'done' && outcome.class === 'timeout';
    // A time-out tells at least how long it takes, not how long.
    if (platformMs > 0 && (!isLate || platformMs > this.sender.usualMs(platform))) this.sender.measured(platform, platformMs);
    const entry = this.watched.get(id);
    if (!entry) return;
    this.watched.delete(id);
    const verdict = isLate && !this.isFair(platform, entry) ? 'neutral' : verdictOf(outcome);
    entry.admission.settle(verdict, outcome.result === 'done' ? undefined : outcome.message);
  }

  /** One sender with hopeless deadlines must not open the breaker for all. */
  private isFair(platform: string, { budgetMs }: Watched): boolean {
    return budgetMs >= FAIR_BUDGET * this.sender.usualMs(platform);
  }

  private sweep() {
    const now = Date.now();
    for (const [id, entry] of this.watched) {
      const { admission, platform, due, awaited } = entry;
      if (due + SWEEP_MS > now) continue;
      this.watched.delete(id);
      admission.settle(awaited && this.isFair(platform, entry) ? 'failure' : 'neutral', 'no answer before the deadline');
    }
  }
}

/** Each class of failure has its own consequence: only those that say "this platform does not work" count against it. */
const verdictOf = (outcome: Outcome): Verdict => {
  if (outcome.result === 'done') return 'success';
  switch (outcome.class) {
    case FailureClass.enum.timeout:
    case FailureClass.enum.error:
    case FailureClass.enum.credentials:
      return 'failure';
    case FailureClass.enum.overload:
      return outcome.result === 'not-now' ? 'neutral' : 'failure';
    // It answered: it works, and does not want this message.
    case FailureClass.enum.rejected:
      return 'success';
    case FailureClass.enum['rate-limit']:
      return 'neutral';
  }
};
