import type { Presence } from '@conductor/contracts';

/** A process, wherever it runs. */
export const processOf = ({ host, pid }: Pick<Presence, 'host' | 'pid'>): string => `${host}:${pid}`;

/**
 * Which platforms stand and fall together: those that share a process, directly or through others. A platform alone gives the unit its name,
 * several are named after their app. Where nobody is present just now, what was known last holds: a unit stays one while its process restarts.
 */
export class Units {
  private known = new Map<string, string>();

  /** The unit of every platform that was ever seen. */
  of(presences: readonly Presence[]): ReadonlyMap<string, string> {
    const root = new Map<string, string>();
    const find = (name: string): string => {
      const above = root.get(name) ?? name;
      return above === name ? name : find(above);
    };
    for (const members of Map.groupBy(presences, processOf).values()) {
      for (const { platform } of members) root.set(find(platform), find(members[0]!.platform));
    }
    const present = new Set(presences.map(({ platform }) => platform));
    const absent = [...this.known.keys()].filter((platform) => !present.has(platform));
    for (const platform of absent) {
      const companion = [...present, ...absent].find((other) => other !== platform && this.known.get(other) === this.known.get(platform));
      if (companion !== undefined) root.set(find(platform), find(companion));
    }
    for (const [, members] of Map.groupBy([...present, ...absent], find)) {
      const app = presences.find(({ platform }) => members.includes(platform))?.app;
      const unit = members.length === 1 ? members[0]! : (app ?? this.known.get(members[0]!)!);
      for (const member of members) this.known.set(member, unit);
    }
    return this.known;
  }
}
