import { type Clause, complement, type Fact, isNegative, type Package } from './clause';
import type { StateSet } from './state-set';

/** Lines of an argument beyond which nobody reads on. */
const LONGEST_ARGUMENT = 40;

/** Puts a proof that nothing fits into sentences. */
export class Explanation {
  constructor(
    private readonly packageOf: (name: string) => Package,
    private readonly isPrerelease: (version: string) => boolean,
  ) {}

  /** What was asked for, by whom, as far as it has to do with the refusal; each fact once. */
  facts(proof: Clause): Fact[] {
    const facts = new Set<Fact>();
    const seen = new Set<Clause>();
    const waiting = [proof];
    for (let clause = waiting.pop(); clause !== undefined; clause = waiting.pop()) {
      if (seen.has(clause)) continue;
      seen.add(clause);
      if ('fact' in clause.cause) facts.add(clause.cause.fact);
      else waiting.push(clause.cause.from[1], clause.cause.from[0]);
    }
    const rank = { wanted: 0, depends: 1, needs: 1, cycle: 2 };
    return [...facts].sort((a, b) => rank[a.kind] - rank[b.kind]);
  }

  sentence(fact: Fact): string {
    switch (fact.kind) {
      case 'wanted':
        return `${nameRange(fact.name, fact.range)} is asked for${this.unmet(fact.name)}`;
      case 'depends':
        return `${this.versions(fact.package, fact.versions)} needs ${nameRange(fact.on, fact.range)}${this.unmet(fact.on)}`;
      case 'needs':
        return `${this.versions(fact.package, fact.versions)} needs the capability "${fact.capability}", which ${fact.providers.length === 0 ? 'no other plugin here provides' : `${oneOf(fact.providers)} provides`}`;
      case 'cycle':
        return `${fact.path.map(({ name, version }) => `${name} ${version}`).join(' → ')} is a circle in which each would have to start before the other`;
    }
  }

  /** The whole argument, one conclusion a line. */
  argument(proof: Clause): string[] {
    const lines: string[] = [];
    const numbers = new Map<Clause, number>();
    const say = (clause: Clause): string => {
      if ('fact' in clause.cause) return this.sentence(clause.cause.fact);
      const said = numbers.get(clause);
      return said === undefined ? this.conclusion(clause) : `${this.conclusion(clause)} (${said})`;
    };
    for (const clause of inOrder(proof)) {
      if ('fact' in clause.cause) continue;
      const [one, other] = clause.cause.from;
      lines.push(`Because ${say(other)}, and ${say(one)}: ${this.conclusion(clause)}.`);
      numbers.set(clause, lines.length);
    }
    const shown = lines.length > LONGEST_ARGUMENT ? [`… ${lines.length - LONGEST_ARGUMENT} earlier conclusions left out`, ...lines.slice(-LONGEST_ARGUMENT)] : lines;
    return shown;
  }

  private conclusion(clause: Clause): string {
    const negative = clause.terms.filter((term) => isNegative(this.packageOf(term.package), term.states));
    const positive = clause.terms.filter((term) => !negative.includes(term)).map((term) => this.versions(term.package, term.states));
    const instead = oneOf(negative.map((term) => this.versions(term.package, complement(this.packageOf(term.package), term.states))));
    if (positive.length === 0) return negative.length === 0 ? 'what is asked for cannot be had together' : `${instead} has to be there`;
    if (negative.length > 0) return `${positive.join(' with ')} needs ${instead}`;
    return positive.length === 1 ? `${positive[0]} cannot be used` : `${positive[0]} cannot go together with ${positive.slice(1).join(' and ')}`;
  }

  private versions(name: string, states: StateSet): string {
    const { versions } = this.packageOf(name);
    const meant = versions.filter((_, at) => (states >> BigInt(at)) & 1n);
    if (meant.length === 0) return `a ${name} that is not here`;
    if (meant.length === versions.length && meant.length > 1) return `every version of ${name}`;
    if (meant.length <= 3) return `${name} ${meant.join(', ')}`;
    const first = versions.indexOf(meant[0]!);
    const inOnePiece = versions[first + meant.length - 1] === meant.at(-1);
    return inOnePiece ? `${name} ${meant.at(-1)} to ${meant[0]}` : `${name} in ${meant.length} of ${versions.length} versions`;
  }

  private unmet(name: string): string {
    const { versions } = this.packageOf(name);
    if (versions.length === 0) return `, and there is no ${name}`;
    const listed = versions.length > 5 ? `${versions.slice(0, 5).join(', ')} and ${versions.length - 5} more` : versions.join(', ');
    return versions.every((version) => this.isPrerelease(version)) ? ` (there is only ${listed}, before a release: such are taken when a range names one)` : ` (there is ${listed})`;
  }
}

const nameRange = (name: string, range: string) => (range === '*' || range === '' ? name : `${name} ${range}`);

const oneOf = (names: readonly string[]) => (names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : (names[0] ?? ''));

/** Each clause after those it follows from. */
const inOrder = (proof: Clause): Clause[] => {
  const order = new Set<Clause>();
  const stack: Array<{ clause: Clause; open: boolean }> = [{ clause: proof, open: true }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (order.has(top.clause)) continue;
    if (!top.open || 'fact' in top.clause.cause) order.add(top.clause);
    else stack.push({ clause: top.clause, open: false }, ...[...top.clause.cause.from].reverse().map((clause) => ({ clause, open: true })));
  }
  return [...order];
};
