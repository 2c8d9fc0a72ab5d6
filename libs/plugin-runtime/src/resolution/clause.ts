import { absence, contains, EMPTY, everyState, type StateSet } from './state-set';

/** One package whose state is in a set. */
export interface Term {
  readonly package: string;
  readonly states: StateSet;
}

/** A fact of the problem itself. */
export type Fact =
  | { readonly kind: 'wanted'; readonly name: string; readonly range: string }
  | { readonly kind: 'depends'; readonly package: string; readonly versions: StateSet; readonly on: string; readonly range: string }
  | { readonly kind: 'needs'; readonly package: string; readonly versions: StateSet; readonly capability: string; readonly providers: readonly string[] }
  | { readonly kind: 'cycle'; readonly path: ReadonlyArray<{ name: string; version: string }> };

/** Where a clause comes from: a fact, or two clauses from which it follows. */
export type Cause = { readonly fact: Fact } | { readonly from: readonly [Clause, Clause] };

/** Terms that cannot all hold at once. Each package stands in it once. */
export class Clause {
  private constructor(
    readonly terms: readonly Term[],
    readonly cause: Cause,
  ) {}

  /** @returns undefined when it says nothing, because one of its terms never holds */
  static of(terms: Iterable<Term>, cause: Cause): Clause | undefined {
    const byPackage = new Map<string, StateSet>();
    for (const { package: name, states } of terms) byPackage.set(name, (byPackage.get(name) ?? states) & states);
    const merged = [...byPackage].map(([name, states]) => ({ package: name, states }));
    return merged.some(({ states }) => states === EMPTY) ? undefined : new Clause(merged, cause);
  }

  term(name: string): StateSet | undefined {
    return this.terms.find((term) => term.package === name)?.states;
  }
}

/** A package as the solver knows it: what its versions are called, best first. */
export interface Package {
  readonly name: string;
  readonly versions: readonly string[];
}

export const everyStateOf = ({ versions }: Package) => everyState(versions.length);
export const complement = (of: Package, states: StateSet) => everyStateOf(of) & ~states;
/** The term says that the package must not be there in some versions, rather than that it is there in some. */
export const isNegative = (of: Package, states: StateSet) => contains(states, absence(of.versions.length));
