import { Clause, complement, everyStateOf, type Fact, type Package } from './clause';
import type { Release, Wanted } from './release';
import type { Problem } from './solver';
import { startOrder } from './start-order';
import { EMPTY, only, setOf, type StateSet } from './state-set';
import type { VersionScheme } from './version-scheme';

export interface Preferences {
  /** Versions to keep where that is possible, by plugin. */
  readonly locked?: ReadonlyMap<string, string>;
  /** Versions before a release are taken for these, too, when nothing else will do. */
  readonly prereleasesOf?: (name: string) => boolean;
}

interface Known extends Package {
  readonly releases: readonly Release[];
}

/** Turns plugins, their ranges and capabilities into the clauses that a solver understands. */
export class PluginProblem implements Problem {
  readonly wanted: readonly Clause[];
  private readonly askedFor: ReadonlySet<string>;
  private readonly packages = new Map<string, Known>();
  private readonly providers = new Map<string, string[]>();

  constructor(
    wanted: readonly Wanted[],
    available: readonly Release[],
    private readonly scheme: VersionScheme,
    private readonly preferences: Preferences,
  ) {
    for (const [name, releases] of Map.groupBy(available, (release) => release.name)) {
      const sorted = [...releases].sort((a, b) => this.byPreference(a, b));
      this.packages.set(name, { name, releases: sorted, versions: sorted.map(({ version }) => version) });
      for (const capability of new Set(releases.flatMap(({ provides = [] }) => provides))) this.providers.set(capability, [...(this.providers.get(capability) ?? []), name]);
    }
    for (const names of this.providers.values()) names.sort();
    this.askedFor = new Set(wanted.map(({ name }) => name));
    this.wanted = wanted.map(({ name, range }) => this.clause([[name, this.outside(name, range)]], { kind: 'wanted', name, range })!);
  }

  isWanted(name: string): boolean {
    return this.askedFor.has(name);
  }

  packageOf(name: string): Known {
    return this.packages.get(name) ?? { name, versions: [], releases: [] };
  }

  release(name: string, version: number): Release {
    return this.packageOf(name).releases[version]!;
  }

  clausesOf(name: string): Clause[] {
    const { releases } = this.packageOf(name);
    const dependencies = grouped(releases, ({ dependsOn }) => Object.entries(dependsOn).map(([on, range]) => JSON.stringify([on, range])));
    const needs = grouped(releases, (release) => (release.needs ?? []).filter((capability) => !release.provides?.includes(capability)));
    return [
      ...dependencies.map(([key, versions]) => {
        const [on, range] = JSON.parse(key) as [string, string];
        return this.clause([[name, versions], [on, this.outside(on, range)]], { kind: 'depends', package: name, versions, on, range });
      }),
      ...needs.map(([capability, versions]) => {
        const providers = this.providersOf(capability).filter((provider) => provider !== name);
        return this.clause([[name, versions], ...providers.map((provider): [string, StateSet] => [provider, this.notProviding(provider, capability)])], { kind: 'needs', package: name, versions, capability, providers });
      }),
    ].filter((clause) => clause !== undefined);
  }

  /** What waits for each other could start in no order. */
  objection(chosen: ReadonlyMap<string, number>): Clause | undefined {
    const order = startOrder([...chosen].map(([name, version]) => this.release(name, version)));
    if (order.ok) return undefined;
    const members = [...order.members.keys()];
    // Another plugin that provides the same would break the circle.
    const capabilities = [...order.members.values()].flat().flatMap(({ capability }) => (capability === undefined ? [] : [capability]));
    const others = [...new Set(capabilities)].flatMap((capability) => this.providersOf(capability).filter((name) => !order.members.has(name)).map((name): [string, StateSet] => [name, this.notProviding(name, capability)]));
    const path = [...order.path, order.path[0]!].map((name) => ({ name, version: this.release(name, chosen.get(name)!).version }));
    return this.clause([...members.map((name): [string, StateSet] => [name, only(chosen.get(name)!)]), ...others], { kind: 'cycle', path });
  }

  private providersOf(capability: string): readonly string[] {
    return this.providers.get(capability) ?? [];
  }

  private clause(terms: Array<[string, StateSet]>, fact: Fact): Clause | undefined {
    const saying = terms.filter(([name, states]) => states !== everyStateOf(this.packageOf(name)));
    return Clause.of(saying.map(([name, states]) => ({ package: name, states })), { fact });
  }

  /** The states that do not meet a range. */
  private outside(name: string, range: string): StateSet {
    const of = this.packageOf(name);
    const prereleases = this.preferences.prereleasesOf?.(name) ?? false;
    return complement(of, setOf(of.versions, this.scheme.matcher(range, prereleases)));
  }

  private notProviding(name: string, capability: string): StateSet {
    const of = this.packageOf(name);
    return complement(of, setOf(of.releases, ({ provides }) => provides?.includes(capability) ?? false));
  }

  /** What is locked first, then releases, then what comes before a release; each the newest first. */
  private byPreference(a: Release, b: Release): number {
    const rank = ({ name, version }: Release) => (this.preferences.locked?.get(name) === version ? 0 : this.scheme.isPrerelease(version) ? 2 : 1);
    return rank(a) - rank(b) || this.scheme.compare(b.version, a.version);
  }
}

/** Which releases ask for each thing, so that one clause speaks of all of them. */
const grouped = (releases: readonly Release[], of: (release: Release) => readonly string[]): Array<[string, StateSet]> => {
  const sets = new Map<string, StateSet>();
  releases.forEach((release, at) => {
    for (const key of of(release)) sets.set(key, (sets.get(key) ?? EMPTY) | only(at));
  });
  return [...sets];
};
