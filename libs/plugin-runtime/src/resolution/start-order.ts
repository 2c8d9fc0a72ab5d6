import type { Release } from './release';

/** Who has to run before whom, and for which capability, if it is one. */
export interface Wait {
  readonly for: string;
  readonly capability?: string;
}

export type StartOrder =
  | { readonly ok: true; readonly order: readonly string[]; readonly waits: ReadonlyMap<string, readonly Wait[]> }
  /** `path` is a circle; `members` are all who cannot start because of each other, with what each waits for. */
  | { readonly ok: false; readonly path: readonly string[]; readonly members: ReadonlyMap<string, readonly Wait[]> };

/**
 * Puts plugins into an order in which each starts after those it depends on, and after somebody who provides each capability it
 * needs: after all who do, where that can be. Otherwise in alphabetical order.
 */
export const startOrder = (releases: readonly Release[]): StartOrder => {
  const chosen = new Map(releases.map((release) => [release.name, release]));
  const providers = (capability: string, besides: string) => releases.filter(({ name, provides }) => name !== besides && provides?.includes(capability)).map(({ name }) => name).sort();
  const wants = new Map(releases.map((release) => [release.name, wantsOf(release, chosen, providers)]));
  const waiting = [...chosen.keys()].sort();
  const waits = new Map<string, Wait[]>();
  const started = (name: string) => waits.has(name);
  while (waiting.length > 0) {
    const every = waiting.findIndex((name) => wants.get(name)!.every(({ any }) => any.every(started)));
    const at = every >= 0 ? every : waiting.findIndex((name) => wants.get(name)!.every(({ any }) => any.some(started)));
    if (at < 0) return stuck(waiting, wants, started);
    const [name] = waiting.splice(at, 1) as [string];
    waits.set(name, wants.get(name)!.flatMap(({ any, capability }) => any.filter(started).map((other) => ({ for: other, ...(capability !== undefined && { capability }) }))));
  }
  return { ok: true, order: [...waits.keys()], waits };
};

/** One of `any` must have started. */
interface Want {
  any: readonly string[];
  capability?: string;
}

const wantsOf = ({ name, dependsOn, needs = [], provides = [] }: Release, chosen: ReadonlyMap<string, Release>, providers: (capability: string, besides: string) => string[]): Want[] => [
  ...Object.keys(dependsOn).filter((on) => on !== name && chosen.has(on)).map((on) => ({ any: [on] })),
  ...needs.filter((capability) => !provides.includes(capability)).map((capability) => ({ any: providers(capability, name), capability })),
];

/** Among those that are left each waits for another: whoever follows that goes round in a circle at last. */
const stuck = (waiting: readonly string[], wants: ReadonlyMap<string, readonly Want[]>, started: (name: string) => boolean): StartOrder => {
  const unmet = (name: string) => wants.get(name)!.find(({ any }) => !any.some(started))!;
  const walk: string[] = [];
  let at = waiting[0]!;
  for (; !walk.includes(at); at = unmet(at).any[0]!) walk.push(at);
  const path = walk.slice(walk.indexOf(at));
  const members = new Map<string, Wait[]>();
  const open = [...path];
  for (const name of open) {
    if (members.has(name)) continue;
    const { any, capability } = unmet(name);
    members.set(name, any.map((other) => ({ for: other, ...(capability !== undefined && { capability }) })));
    open.push(...any);
  }
  return { ok: false, path, members };
};
