import type { ApprovalChange, PluginPermissions } from '@conductor/contracts';

const LISTS: Array<[string, (permissions: PluginPermissions) => readonly string[]]> = [
  ['net', ({ net }) => net],
  ['fs.read', ({ fs }) => fs.read],
  ['fs.write', ({ fs }) => fs.write],
  ['secrets', ({ secrets }) => secrets],
];
const SWITCHES = ['childProcess', 'workers', 'addons', 'wasi', 'inspector'] as const;

/** What is asked for now and was not before (`+`), and the other way round (`-`). */
export const permissionChanges = (before: PluginPermissions, after: PluginPermissions): string[] => [
  ...LISTS.flatMap(([name, of]) => [
    ...of(after).filter((value) => !of(before).includes(value)).map((value) => `+ ${name}: ${value}`),
    ...of(before).filter((value) => !of(after).includes(value)).map((value) => `- ${name}: ${value}`),
  ]),
  ...SWITCHES.filter((name) => before[name] !== after[name]).map((name) => `${after[name] ? '+' : '-'} ${name}`),
];

export const platformChanges = (before: readonly string[], after: readonly string[]): string[] => [
  ...after.filter((name) => !before.includes(name)).map((name) => `+ platform: ${name}`),
  ...before.filter((name) => !after.includes(name)).map((name) => `- platform: ${name}`),
];

type Files = Readonly<Record<string, string>>;

export const fileChanges = (before: Files, after: Files): ApprovalChange['files'] => ({
  added: Object.keys(after).filter((path) => !Object.hasOwn(before, path)),
  removed: Object.keys(before).filter((path) => !Object.hasOwn(after, path)),
  changed: Object.keys(after).filter((path) => Object.hasOwn(before, path) && before[path] !== after[path]),
});
