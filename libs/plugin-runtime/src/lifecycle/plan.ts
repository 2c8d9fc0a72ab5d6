import { satisfies } from 'semver';
import type { PluginSettings } from '@conductor/contracts';
import { type Resolution, resolveInTurns } from '../resolution/resolve';
import type { Release } from '../resolution/release';

/** A plugin in use, as a plan sees it. */
export interface InUse {
  readonly name: string;
  readonly version: string;
}

/**
 * Chooses versions so that `target` runs at `version`, and changes as little as possible: who is in use stays at its version, but for
 * plugins that ask for the target, directly or not, whose range may demand another version of them.
 */
export const planFor = (target: string, version: string, inUse: readonly InUse[], releases: readonly Release[]): Promise<Resolution> => {
  const locked = new Map([...inUse.map((one) => [one.name, one.version] as const), [target, version] as const]);
  const asking = dependantsOf(target, inUse, releases);
  const others = inUse.filter(({ name }) => name !== target).map((one) => ({ name: one.name, range: asking.has(one.name) ? '*' : `=${one.version}` }));
  // A version before a release may run already, so that it may go on.
  return resolveInTurns([{ name: target, range: `=${version}` }, ...others], releases, { locked, prereleasesOf: (name) => locked.has(name) });
};

/** Names of all in use that ask for the plugin, also by way of others. */
export const dependantsOf = (target: string, inUse: readonly InUse[], releases: readonly Release[]): Set<string> => {
  const using = inUse.flatMap(({ name, version }) => releases.find((one) => one.name === name && one.version === version) ?? []);
  const found = new Set<string>();
  for (let names = [target]; names.length > 0; ) {
    const next = using.filter(({ name, dependsOn }) => !found.has(name) && name !== target && names.some((one) => Object.hasOwn(dependsOn, one))).map(({ name }) => name);
    next.forEach((name) => found.add(name));
    names = next;
  }
  return found;
};

/** The plugin may go on when the target is at that version: its own range allows it, or it asks for the target by way of others only. */
export const allows = (dependsOn: Release['dependsOn'], target: string, version: string): boolean =>
  !Object.hasOwn(dependsOn, target) || satisfies(version, dependsOn[target]!, { includePrerelease: true });

/** A plugin that runs, as those see it who wait for it. */
export interface Neighbour extends InUse {
  readonly provides: readonly string[];
  readonly works: boolean;
  readonly reason: string;
}

/** What a plugin still waits for among the others, for a person; undefined when it may start. */
export const waitsFor = ({ dependsOn, needs, provides }: PluginSettings, running: readonly Neighbour[]): string | undefined => {
  for (const [name, range] of Object.entries(dependsOn)) {
    const other = running.find((one) => one.name === name);
    if (!other) return `waits for ${name} ${range}, which does not run`;
    if (!satisfies(other.version, range, { includePrerelease: true })) return `waits for ${name} ${range}; ${other.version} runs`;
    if (!other.works) return `waits for ${name}, which ${other.reason}`;
  }
  for (const capability of needs.filter((one) => !provides.includes(one))) {
    const providers = running.filter((one) => one.provides.includes(capability));
    if (providers.length === 0) return `waits for some plugin that provides ${capability}; none runs`;
    if (!providers.some(({ works }) => works)) return `waits for ${providers.map(({ name, reason }) => `${name}, which ${reason}`).join(' or ')} (${capability})`;
  }
  return undefined;
};
