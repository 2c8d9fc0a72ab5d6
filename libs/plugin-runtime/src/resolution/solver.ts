import { Clause, complement, everyStateOf, isNegative, type Package, type Term } from './clause';
import { type Assignment, PartialSolution } from './partial-solution';
import { best, EMPTY, only, type StateSet } from './state-set';

/** What the solver is asked. Nothing in here knows what a version looks like. */
export interface Problem {
  /** Every package there is, also those that are asked for and have no version. */
  packageOf(name: string): Package;
  /** It is asked for itself, not only by others: it gets its best version before others get theirs. */
  isWanted(name: string): boolean;
  /** Must hold in any case. */
  readonly wanted: readonly Clause[];
  /** Asked once for each package that comes into question: what its versions ask for. */
  clausesOf(name: string): readonly Clause[];
  /** A complete choice may still be refused, with a clause that it breaks. */
  objection(chosen: ReadonlyMap<string, number>): Clause | undefined;
}

export type Solution =
  | { readonly outcome: 'solved'; readonly chosen: ReadonlyMap<string, number>; readonly steps: number }
  | { readonly outcome: 'impossible'; readonly proof: Clause; readonly steps: number }
  | { readonly outcome: 'gave-up'; readonly steps: number };

/** Takes a fraction of a millisecond. */
const STEPS_AT_ONCE = 1_000;

/**
 * Chooses one version of each package that is needed, or proves that none can be: PubGrub, that is, unit propagation with a clause
 * learned from each conflict and a jump back over all decisions that had nothing to do with it. Complete: when there is a choice it is
 * found, unless `maxSteps` clauses were looked at before.
 */
export class Solver {
  private readonly solution: PartialSolution;
  private readonly clauses = new Map<string, Clause[]>();
  /** Clauses with several ways to be kept: one of them has to be chosen when nothing else decides it. */
  private readonly choices: Clause[] = [];
  private readonly known = new Set<string>();
  private steps = 0;

  constructor(
    private readonly problem: Problem,
    private readonly maxSteps: number,
  ) {
    this.solution = new PartialSolution((name) => problem.packageOf(name));
  }

  /** Goes on each time it is asked to; between two times others may run. */
  *solve(): Generator<void, Solution> {
    for (const clause of this.problem.wanted) {
      if (clause.terms.length === 0) return { outcome: 'impossible', proof: clause, steps: 0 };
      this.add(clause);
    }
    let changed = this.problem.wanted.flatMap(({ terms }) => terms.map((term) => term.package));
    while (true) {
      yield;
      const conflict = yield* this.propagate(changed);
      if (this.steps > this.maxSteps) return { outcome: 'gave-up', steps: this.steps };
      if (conflict !== undefined) {
        const learned = this.learn(conflict);
        if ('proof' in learned) return { outcome: 'impossible', proof: learned.proof, steps: this.steps };
        changed = [learned.package];
        continue;
      }
      const next = this.decide();
      if (next !== undefined) {
        changed = [next];
        continue;
      }
      const chosen = this.chosen();
      const objection = this.problem.objection(chosen);
      if (objection === undefined) return { outcome: 'solved', chosen, steps: this.steps };
      this.add(objection);
      changed = [objection.terms[0]!.package];
    }
  }

  /** Derives all that follows. @returns a clause whose terms all hold, if there is one */
  private *propagate(changed: string[]): Generator<void, Clause | undefined> {
    const waiting = new Set(changed);
    for (const name of waiting) {
      waiting.delete(name);
      const clauses = this.clauses.get(name) ?? [];
      // The newest first: what was learned last cuts off most.
      for (let at = clauses.length - 1; at >= 0; at--) {
        if (++this.steps > this.maxSteps) return undefined;
        if (this.steps % STEPS_AT_ONCE === 0) yield;
        const clause = clauses[at]!;
        const last = this.lastOpen(clause);
        if (last === 'conflict') return clause;
        if (last === undefined) continue;
        this.solution.derive(last, clause);
        waiting.add(last.package);
      }
    }
    return undefined;
  }

  /** @returns the one term that is still open when all others hold; `conflict` when all hold; undefined when nothing follows */
  private lastOpen({ terms }: Clause): Term | 'conflict' | undefined {
    let open: Term | undefined;
    for (const term of terms) {
      const relation = this.solution.relation(term);
      if (relation === 'contradicted' || (relation === 'open' && open !== undefined)) return undefined;
      if (relation === 'open') open = term;
    }
    return open ?? 'conflict';
  }

  /**
   * Follows a conflict to its root, keeps what is learned from it and takes back what led there.
   * @returns the package about which something new follows; the proof, when the conflict follows from no decision
   */
  private learn(conflict: Clause): { package: string } | { proof: Clause } {
    let clause = conflict;
    while (true) {
      if (clause.terms.length === 0) return { proof: clause };
      const { latest, term, beforeLevel } = this.lastCauses(clause);
      if (latest.cause === undefined || beforeLevel < latest.level) {
        this.solution.backTo(beforeLevel);
        if (clause !== conflict) this.add(clause);
        return { package: term.package };
      }
      this.steps++;
      clause = this.combine(clause, latest.cause, term);
    }
  }

  /** The assignment that made the whole clause hold, the term it did that for, and the level at which all else held. */
  private lastCauses(clause: Clause): { latest: Assignment; term: Term; beforeLevel: number } {
    const causes = clause.terms.map((term) => ({ term, by: this.solution.satisfier(term) })).sort((a, b) => b.by.position - a.by.position);
    const [{ term, by: latest }, ...others] = causes as [(typeof causes)[number], ...typeof causes];
    // The last assignment may have needed an earlier one of the same package to make the term hold.
    const beyond = latest.states & ~term.states;
    const earlier = beyond === EMPTY ? [] : [this.solution.satisfier({ package: term.package, states: complement(this.problem.packageOf(term.package), beyond) })];
    const beforeLevel = Math.max(0, ...others.map(({ by }) => by.level), ...earlier.map(({ level }) => level));
    return { latest, term, beforeLevel };
  }

  /** What follows from both clauses, whichever state the package is in that links them. */
  private combine(clause: Clause, cause: Clause, { package: name, states }: Term): Clause {
    const either = states | cause.term(name)!;
    const always = either === everyStateOf(this.problem.packageOf(name));
    const terms = [...clause.terms, ...cause.terms].filter((term) => term.package !== name);
    const combined = Clause.of([...terms, ...(always ? [] : [{ package: name, states: either }])], { from: [clause, cause] });
    // All its terms hold at this moment, so none can be empty.
    return combined!;
  }

  /** Decides about the package with the fewest versions left, first of those wanted. @returns its name, undefined when nothing is left to decide */
  private decide(): string | undefined {
    let next: { package: string; left: StateSet; size: number; wanted: boolean } | undefined;
    for (const { package: name, left, size } of this.solution.required()) {
      if (this.learnOf(name)) return name;
      if (size === 1) continue;
      const wanted = this.problem.isWanted(name);
      const before = next === undefined || (wanted === next.wanted ? size < next.size : wanted);
      if (before) next = { package: name, left, size, wanted };
    }
    return this.decideAbout(next ?? this.openChoice());
  }

  private decideAbout(next: { package: string; left: StateSet } | undefined): string | undefined {
    if (next === undefined) return undefined;
    this.solution.decide(next.package, only(best(next.left)));
    return next.package;
  }

  /** Takes in what a package asks for, once. @returns whether there was something new */
  private learnOf(name: string): boolean {
    if (this.known.has(name)) return false;
    this.known.add(name);
    for (const clause of this.problem.clausesOf(name)) this.add(clause);
    return true;
  }

  /** Of a clause that could be kept in several ways, the first that is still possible. */
  private openChoice(): { package: string; left: StateSet } | undefined {
    for (const { terms } of this.choices) {
      const ways = terms.filter((term) => this.isWay(term));
      const concerns = terms.every((term) => ways.includes(term) || this.solution.relation(term) === 'satisfied');
      if (!concerns || ways.some((way) => this.solution.relation(way) === 'contradicted')) continue;
      const open = ways.find((way) => this.solution.relation(way) === 'open');
      if (open === undefined) continue;
      return { package: open.package, left: this.solution.leftOf(open.package) & ~open.states };
    }
    return undefined;
  }

  /** The term is broken, and so the clause kept, by a package that is there. */
  private isWay({ package: name, states }: Term): boolean {
    return isNegative(this.problem.packageOf(name), states);
  }

  private chosen(): Map<string, number> {
    const chosen = new Map<string, number>();
    for (const { package: name, left } of this.solution.required()) chosen.set(name, best(left));
    return chosen;
  }

  private add(clause: Clause) {
    for (const { package: name } of clause.terms) {
      const known = this.clauses.get(name);
      if (known === undefined) this.clauses.set(name, [clause]);
      else known.push(clause);
    }
    if (clause.terms.filter((term) => this.isWay(term)).length > 1) this.choices.push(clause);
  }
}
