import { type Clause, complement, everyStateOf, isNegative, type Package, type Term } from './clause';
import { contains, EMPTY, sizeOf, type StateSet } from './state-set';

export interface Assignment extends Term {
  /** What is left of the package's states after this assignment. */
  readonly left: StateSet;
  /** How many states that is. */
  readonly size: number;
  /** Number of decisions made when it was assigned. */
  readonly level: number;
  /** It was the n-th assignment. */
  readonly position: number;
  /** Which clause forced it; a decision has none. */
  readonly cause: Clause | undefined;
}

export type Relation = 'satisfied' | 'contradicted' | 'open';

/** What was decided and derived so far, in order, so that it can be taken back to any level. */
export class PartialSolution {
  private readonly assignments: Assignment[] = [];
  private readonly byPackage = new Map<string, Assignment[]>();
  level = 0;

  constructor(private readonly packageOf: (name: string) => Package) {}

  leftOf(name: string): StateSet {
    return this.byPackage.get(name)?.at(-1)?.left ?? everyStateOf(this.packageOf(name));
  }

  relation({ package: name, states }: Term): Relation {
    const left = this.leftOf(name);
    if (contains(states, left)) return 'satisfied';
    return (left & states) === EMPTY ? 'contradicted' : 'open';
  }

  decide(name: string, states: StateSet) {
    this.level++;
    this.assign(name, states, undefined);
  }

  /** The opposite of a clause's last open term must hold. */
  derive({ package: name, states }: Term, cause: Clause) {
    this.assign(name, complement(this.packageOf(name), states), cause);
  }

  /** Packages that must be there, with the states they may have. */
  *required(): Iterable<{ package: string; left: StateSet; size: number }> {
    for (const [name, assignments] of this.byPackage) {
      const { left, size } = assignments.at(-1)!;
      if (!isNegative(this.packageOf(name), left)) yield { package: name, left, size };
    }
  }

  /** The earliest assignment by which, with those before it, the term holds. */
  satisfier({ package: name, states }: Term): Assignment {
    const found = this.byPackage.get(name)?.find(({ left }) => contains(states, left));
    if (found === undefined) throw new Error(`nothing assigned makes the term of ${name} hold`);
    return found;
  }

  /** Takes back everything above a level. */
  backTo(level: number) {
    while (this.assignments.length > 0 && this.assignments.at(-1)!.level > level) {
      const { package: name } = this.assignments.pop()!;
      const of = this.byPackage.get(name)!;
      of.pop();
      if (of.length === 0) this.byPackage.delete(name);
    }
    this.level = level;
  }

  private assign(name: string, states: StateSet, cause: Clause | undefined) {
    const left = this.leftOf(name) & states;
    const assignment = { package: name, states, left, size: sizeOf(left), level: this.level, position: this.assignments.length, cause };
    this.assignments.push(assignment);
    const of = this.byPackage.get(name);
    if (of === undefined) this.byPackage.set(name, [assignment]);
    else of.push(assignment);
  }
}
