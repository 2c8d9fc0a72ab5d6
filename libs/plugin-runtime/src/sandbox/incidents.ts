import { Allowance } from './process/allowance';

/** What a plugin tried or did that it should not, and how it was met. */
export type IncidentKind =
  | 'permission-denied'
  | 'network-refused'
  | 'protocol-violation'
  | 'answered-twice'
  | 'flood'
  | 'output-flood'
  | 'metric-flood'
  | 'files'
  | 'memory'
  | 'processor'
  | 'blocked'
  | 'deadline'
  | 'reply-header-dropped'
  | 'ended'
  | 'start-failed';

export interface Incident {
  readonly kind: IncidentKind;
  /** For a person: what it was, e.g. `FileSystemRead /etc/passwd`. */
  readonly detail: string;
  readonly generation: string;
  readonly pid?: number | undefined;
  /** Epoch milliseconds, of the first and the latest time. */
  readonly firstAt: number;
  at: number;
  /** How often, when the same came again. */
  times: number;
}

const MOST_KEPT = 200;
/** So that what is tried again and again, each time a bit different, pushes nothing of another kind out. */
const MAX_OF_KIND = 50;
/** Told to the listener, which logs: so many at once, then one a second. */
const TOLD_AT_ONCE = 100;
const LONGEST_DETAIL = 600;

/** The latest incidents of one platform. The same again is counted, not repeated: a plugin cannot push others out by insisting. */
export class Incidents {
  private readonly latest = new Map<string, Incident>();
  private readonly telling = new Allowance(1, TOLD_AT_ONCE);
  private readonly totals = new Map<IncidentKind, number>();

  constructor(private readonly listener: (incident: Incident) => void = () => {}) {}

  report(kind: IncidentKind, detail: string, { generation, pid }: { generation: string; pid?: number | undefined }, at = Date.now()) {
    this.totals.set(kind, (this.totals.get(kind) ?? 0) + 1);
    const cut = detail.slice(0, LONGEST_DETAIL);
    const key = `${generation}/${kind}/${cut}`;
    const known = this.latest.get(key);
    if (known) {
      known.times++;
      known.at = at;
      return;
    }
    const incident: Incident = { kind, detail: cut, generation, pid, firstAt: at, at, times: 1 };
    const ofKind = [...this.latest].filter(([, one]) => one.kind === kind);
    if (ofKind.length >= MAX_OF_KIND) this.latest.delete(ofKind[0]![0]);
    else if (this.latest.size >= MOST_KEPT) this.latest.delete(this.latest.keys().next().value!);
    this.latest.set(key, incident);
    if (this.telling.take()) this.listener(incident);
  }

  list(): Incident[] {
    return [...this.latest.values()];
  }

  /** How often each kind happened, since the start of this process. */
  counts(): Partial<Record<IncidentKind, number>> {
    return Object.fromEntries(this.totals);
  }
}
