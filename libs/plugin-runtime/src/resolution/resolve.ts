import { setImmediate as letOthersRun } from 'node:timers/promises';
import { Explanation } from './explanation';
import { PluginProblem, type Preferences } from './plugin-problem';
import type { Release, Wanted } from './release';
import { Solver } from './solver';
import { startOrder } from './start-order';
import { semanticVersions, type VersionScheme } from './version-scheme';

export interface ResolveOptions extends Preferences {
  /** Clauses looked at before it gives up; the default takes a second or some; real requests need thousands. */
  readonly maxSteps?: number;
  readonly scheme?: VersionScheme;
}

export interface Chosen {
  readonly name: string;
  readonly version: string;
  /** Who asks for it, `undefined` for the request itself. */
  readonly askedBy: ReadonlyArray<{ by: string | undefined; range: string } | { by: string; capability: string }>;
  /** Plugins that have to run before it. */
  readonly after: readonly string[];
}

export type Resolution =
  /** In the order in which they start. */
  | { readonly ok: true; readonly plugins: readonly Chosen[]; readonly steps: number }
  | {
      readonly ok: false;
      readonly code: 'conflict' | 'missing' | 'cycle' | 'gave-up';
      /** One sentence for a person. */
      readonly reason: string;
      /** Who asks for what, as far as it matters. */
      readonly because: readonly string[];
      /** How that leads to the refusal, step by step. */
      readonly argument: readonly string[];
      readonly involved: readonly string[];
      readonly steps: number;
    };

const MAX_STEPS = 3_000_000;

/** So long nothing else runs. */
const TURN_MS = 10;

/** Chooses versions of all plugins that are wanted, and of those they ask for; or says why that cannot be. Nothing else runs meanwhile. */
export const resolve = (wanted: readonly Wanted[], available: readonly Release[], options: ResolveOptions = {}): Resolution => {
  const resolving = resolution(wanted, available, options);
  for (;;) {
    const turn = resolving.next();
    if (turn.done) return turn.value;
  }
};

/** The same for servers: after each turn (milliseconds) it lets others run. */
export const resolveInTurns = async (wanted: readonly Wanted[], available: readonly Release[], { turnMs = TURN_MS, ...options }: ResolveOptions & { readonly turnMs?: number } = {}): Promise<Resolution> => {
  const resolving = resolution(wanted, available, options);
  for (let startedAt = performance.now(); ; ) {
    const turn = resolving.next();
    if (turn.done) return turn.value;
    if (performance.now() - startedAt < turnMs) continue;
    await letOthersRun();
    startedAt = performance.now();
  }
};

function* resolution(wanted: readonly Wanted[], available: readonly Release[], options: ResolveOptions): Generator<void, Resolution> {
  const scheme = options.scheme ?? semanticVersions;
  const named = new Set(wanted.filter(({ range }) => scheme.namesPrerelease(range)).map(({ name }) => name));
  const problem = new PluginProblem(wanted, available, scheme, { prereleasesOf: (name) => named.has(name), ...options });
  const maxSteps = options.maxSteps ?? MAX_STEPS;
  const solution = yield* new Solver(problem, maxSteps).solve();
  switch (solution.outcome) {
    case 'solved': {
      const releases = [...solution.chosen].map(([name, version]) => problem.release(name, version));
      return { ok: true, plugins: described(wanted, releases), steps: solution.steps };
    }
    case 'gave-up': {
      const reason = `gave up after ${solution.steps} steps: whether these versions fit together is not known. Ask for narrower ranges, or remove versions that nobody needs`;
      return { ok: false, code: 'gave-up', reason, because: [], argument: [], involved: wanted.map(({ name }) => name), steps: solution.steps };
    }
    case 'impossible': {
      const explanation = new Explanation((name) => problem.packageOf(name), scheme.isPrerelease);
      const facts = explanation.facts(solution.proof);
      const because = facts.map((fact) => explanation.sentence(fact));
      const involved = [...new Set(facts.flatMap((fact) => namesIn(fact)))].sort();
      const code = facts.some(({ kind }) => kind === 'cycle') ? 'cycle' : involved.some((name) => problem.packageOf(name).versions.length === 0) ? 'missing' : 'conflict';
      const shown = because.length > 6 ? [...because.slice(0, 6), `${because.length - 6} more`] : because;
      return { ok: false, code, reason: `${HEADLINE[code]}: ${shown.join('; ')}`, because, argument: explanation.argument(solution.proof), involved, steps: solution.steps };
    }
  }
}

const HEADLINE = { conflict: 'these do not go together', missing: 'something is missing', cycle: 'these wait for each other' };

const namesIn = (fact: ReturnType<Explanation['facts']>[number]): readonly string[] => {
  switch (fact.kind) {
    case 'wanted':
      return [fact.name];
    case 'depends':
      return [fact.package, fact.on];
    case 'needs':
      return [fact.package, ...fact.providers];
    case 'cycle':
      return fact.path.map(({ name }) => name);
  }
};

const described = (wanted: readonly Wanted[], releases: readonly Release[]): Chosen[] => {
  const byName = new Map(releases.map((release) => [release.name, release]));
  const start = startOrder(releases);
  // The solver leaves no circle.
  if (!start.ok) throw new Error(`no order among ${start.path.join(', ')}`);
  const dependants = Map.groupBy(releases.flatMap(({ name: by, dependsOn }) => Object.entries(dependsOn).map(([on, range]) => ({ on, by, range }))), ({ on }) => on);
  const users = Map.groupBy([...start.waits].flatMap(([by, waits]) => waits.map((wait) => ({ by, ...wait }))), (wait) => wait.for);
  return start.order.map((name) => ({
    name,
    version: byName.get(name)!.version,
    askedBy: [
      ...wanted.filter((one) => one.name === name).map(({ range }) => ({ by: undefined, range })),
      ...(dependants.get(name) ?? []).map(({ by, range }) => ({ by, range })),
      ...(users.get(name) ?? []).flatMap(({ by, capability }) => (capability === undefined ? [] : [{ by, capability }])),
    ],
    after: [...new Set(start.waits.get(name)!.map((wait) => wait.for))].sort(),
  }));
};
