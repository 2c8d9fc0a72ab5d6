import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { gemVersions } from './gem-versions';
import type { Release } from './release';
import { resolve } from './resolve';

/*
 * Runs resolution cases in the format of CocoaPods' Resolver-Integration-Specs: `index/<name>.json` holds what there is, `case/<name>.json`
 * what is requested and what must come out. Molinillo, RubyGems and pip's resolver are judged by the same.
 */

const Node = z.object({
  name: z.string(),
  version: z.string(),
  get dependencies(): z.ZodOptional<z.ZodArray<typeof Node>> {
    return z.array(Node).optional();
  },
});
interface Node {
  name: string;
  version: string;
  dependencies?: Node[] | undefined;
}
/** An empty one is sometimes written as an empty list. */
const Ranges = z.union([z.record(z.string(), z.string()), z.array(z.never()).transform((): Record<string, string> => ({}))]);
const Case = z.object({
  name: z.string(),
  index: z.string().default('awesome'),
  requested: z.record(z.string(), z.string()),
  base: z.array(Node).default([]),
  resolved: z.array(Node).default([]),
  conflicts: z.array(z.string()).default([]),
});
const Index = z.record(z.string(), z.array(z.object({ name: z.string(), version: z.string(), dependencies: Ranges.default({}) })));

export interface CaseResult {
  readonly file: string;
  readonly name: string;
  readonly verdict: 'as expected' | 'other versions' | 'wrong' | 'not run';
  /** What differs, or why it could not be run. */
  readonly detail: string;
  readonly ms: number;
  readonly steps: number;
}

/**
 * Runs every case of a folder that has `case/` and `index/`.
 * `other versions` means: the choice holds, but it is not the one that is expected.
 */
export const runResolverCases = (folder: string, maxSteps?: number): CaseResult[] =>
  readdirSync(join(folder, 'case')).filter((file) => file.endsWith('.json')).sort().map((file) => runCase(folder, file, maxSteps));

const runCase = (folder: string, file: string, maxSteps: number | undefined): CaseResult => {
  const none = { file, name: basename(file, '.json'), ms: 0, steps: 0 };
  try {
    const one = Case.parse(parseWithComments(readFileSync(join(folder, 'case', file), 'utf8')));
    const available = releasesIn(join(folder, 'index', `${one.index}.json`));
    const startedAt = performance.now();
    // What a lock file holds is kept as long as that is possible.
    const locked = new Map(flat(one.base).map(({ name, version }) => [name, version]));
    const named = prereleasesIn(one.requested, available);
    const wanted = Object.entries(one.requested).map(([name, range]) => ({ name, range }));
    const resolution = resolve(wanted, available, { scheme: gemVersions, locked, prereleasesOf: (name) => named.has(name), ...(maxSteps !== undefined && { maxSteps }) });
    const measured = { file, name: one.name, ms: performance.now() - startedAt, steps: resolution.steps };
    if (!resolution.ok) {
      if (one.conflicts.length === 0) return { ...measured, verdict: 'wrong', detail: `refused: ${resolution.reason}` };
      const unnamed = one.conflicts.filter((name) => !resolution.involved.includes(name));
      return { ...measured, verdict: 'as expected', detail: `refused${unnamed.length > 0 ? `, without naming ${unnamed.join(', ')}` : ''}: ${resolution.reason}` };
    }
    if (one.conflicts.length > 0) return { ...measured, verdict: 'wrong', detail: `expected a conflict of ${one.conflicts.join(', ')}, but found a choice` };
    const broken = brokenRule(one.requested, resolution.plugins, available);
    if (broken !== undefined) return { ...measured, verdict: 'wrong', detail: broken };
    const difference = differenceOf(flat(one.resolved), resolution.plugins);
    return { ...measured, verdict: difference === '' ? 'as expected' : 'other versions', detail: difference };
  } catch (error) {
    return { ...none, verdict: 'not run', detail: (error as Error).message };
  }
};

/** Some of the published files explain themselves in `//` comments. */
const parseWithComments = (text: string): unknown => JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*/g, '$1'));

const releasesIn = (file: string): Release[] =>
  Object.values(Index.parse(parseWithComments(readFileSync(file, 'utf8')))).flat().map(({ name, version, dependencies }) => ({ name, version, dependsOn: dependencies }));

const flat = (nodes: readonly Node[]): Node[] => nodes.flatMap((node) => [node, ...flat(node.dependencies ?? [])]);

/** A version before a release is taken where anybody who may come into question names one. */
const prereleasesIn = (requested: Record<string, string>, available: readonly Release[]): Set<string> => {
  const named = new Set<string>();
  for (const asks of [requested, ...available.map(({ dependsOn }) => dependsOn)]) for (const [name, range] of Object.entries(asks)) if (gemVersions.namesPrerelease(range)) named.add(name);
  return named;
};

/** Checked apart from the solver: every requirement is met by what was chosen. */
const brokenRule = (requested: Record<string, string>, chosen: ReadonlyArray<{ name: string; version: string }>, available: readonly Release[]): string | undefined => {
  const versions = new Map(chosen.map(({ name, version }) => [name, version]));
  const asks = [
    { by: 'the request', ranges: requested },
    ...available.filter(({ name, version }) => versions.get(name) === version).map(({ name, version, dependsOn }) => ({ by: `${name} ${version}`, ranges: dependsOn })),
  ];
  for (const { by, ranges } of asks) {
    for (const [name, range] of Object.entries(ranges)) {
      const version = versions.get(name);
      if (version === undefined || !gemVersions.matcher(range, true)(version)) return `${by} asks for ${name} ${range}, and ${version ?? 'nothing'} was chosen`;
    }
  }
  return undefined;
};

const differenceOf = (expected: readonly Node[], chosen: ReadonlyArray<{ name: string; version: string }>): string => {
  // A few published cases name a package several times, in different versions.
  const wanted = Map.groupBy(expected, ({ name }) => name);
  const got = new Map(chosen.map(({ name, version }) => [name, version]));
  const isOther = (name: string, nodes: readonly Node[]) => !nodes.some(({ version }) => got.has(name) && gemVersions.compare(got.get(name)!, version) === 0);
  const other = [...wanted].filter(([name, nodes]) => isOther(name, nodes)).map(([name, [node]]) => `${name} ${got.get(name) ?? 'not chosen'} instead of ${node!.version}`);
  const more = [...got].filter(([name]) => !wanted.has(name)).map(([name, version]) => `${name} ${version} as well`);
  return [...other, ...more].join(', ');
};
