import type { DesiredState, Presence } from '@conductor/contracts';

/** What is wanted of an app's processes, and what they have in hand. */
export interface Wanted {
  readonly processes: number;
  /** Messages in hand by process id. */
  readonly inFlight: ReadonlyMap<number, number>;
}

/**
 * How many processes each app is to have: platforms that share a process are multiplied together, so the greatest number counts. One is
 * enough where no platform is wanted, and where it is not known who an app's platforms are it says nothing.
 * A platform that can do with so many only (`atMost`) is never run in more, whatever was wished.
 */
export const wantedProcesses = (desired: readonly DesiredState[], presences: readonly Presence[]): Map<string, Wanted> => {
  const wishes = new Map(desired.map((state) => [state.platform, state]));
  const byApp = Map.groupBy(presences, ({ app }) => app);
  return new Map([...byApp].map(([app, of]) => [app, { processes: processesOf(of, wishes), inFlight: inFlightOf(of) }]));
};

const processesOf = (presences: readonly Presence[], wishes: ReadonlyMap<string, DesiredState>): number => {
  const platforms = new Set(presences.map(({ platform }) => platform));
  const wished = [...platforms].map((platform) => {
    const wish = wishes.get(platform);
    return wish === undefined || !wish.enabled || wish.suspended ? 1 : (wish.instances ?? 1);
  });
  const bound = Math.min(...presences.map(({ atMost }) => atMost?.instances ?? Infinity));
  return Math.max(1, Math.min(bound, Math.max(...wished)));
};

const inFlightOf = (presences: readonly Presence[]): Map<number, number> => {
  const sums = new Map<number, number>();
  for (const { pid, inFlight } of presences) sums.set(pid, (sums.get(pid) ?? 0) + inFlight);
  return sums;
};

/** A process beyond the first of its app. */
export interface Further {
  readonly name: string;
  readonly pid?: number | undefined;
}

/** What to do next. One goes at a time: when it is gone, others may be the idlest. */
export type Step = { start: string[] } | { retire: string } | undefined;

/**
 * @param further those that run beyond the first, which stays: it has the door that people know
 * @param going names of those on their way out, still in use
 */
export const nextStep = (app: string, { processes, inFlight }: Wanted, further: readonly Further[], going: ReadonlySet<string>): Step => {
  const staying = further.filter(({ name }) => !going.has(name));
  const missing = processes - 1 - staying.length;
  if (missing > 0) return { start: freeNames(app, further, missing) };
  if (missing === 0 || staying.length < further.length) return undefined;
  const load = ({ pid }: Further) => (pid === undefined ? 0 : (inFlight.get(pid) ?? 0));
  const idlest = staying.reduce((best, one) => (load(one) <= load(best) ? one : best));
  return { retire: idlest.name };
};

/** `stubs#2`, `stubs#3`, …: the lowest that nobody has. */
const freeNames = (app: string, taken: readonly Further[], count: number): string[] => {
  const names: string[] = [];
  for (let n = 2; names.length < count; n++) if (!taken.some(({ name }) => name === nameOf(app, n))) names.push(nameOf(app, n));
  return names;
};

const nameOf = (app: string, n: number): string => `${app}#${n}`;

/** The app that a process runs: `stubs` of `stubs#2`. */
export const appOf = (process: string): string => process.split('#', 1)[0]!;
