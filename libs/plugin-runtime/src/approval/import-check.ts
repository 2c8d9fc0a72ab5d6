import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { PluginPermissions, ScanFinding } from '@conductor/contracts';

export interface NamedImport {
  readonly file: string;
  readonly name: string;
  readonly line?: number;
}

const BUILTIN = new Set(builtinModules);

/** What a plugin that imports one of Node's modules must have asked for. */
const NEEDS: Record<string, { permission: string; has(permissions: PluginPermissions): boolean }> = {
  ...forAll(['child_process', 'cluster'], 'childProcess', ({ childProcess }) => childProcess),
  ...forAll(['worker_threads'], 'workers', ({ workers }) => workers),
  ...forAll(['inspector', 'inspector/promises'], 'inspector', ({ inspector }) => inspector),
  ...forAll(['wasi'], 'wasi', ({ wasi }) => wasi),
  ...forAll(['net', 'tls', 'dgram', 'dns', 'dns/promises', 'http', 'https', 'http2'], 'net', ({ net }) => net.length > 0),
};

/** These get around walls of the sandbox, or help to, and no platform needs them. */
const SUSPICIOUS: Record<string, string> = {
  sqlite: 'opens databases, which the sandbox refuses',
  vm: 'runs text as code',
  v8: 'reaches into the engine',
  module: 'changes how modules are loaded',
  repl: 'runs text as code',
  trace_events: 'watches other code',
};

function forAll(modules: string[], permission: string, has: (permissions: PluginPermissions) => boolean) {
  return Object.fromEntries(modules.map((name) => [name, { permission, has }]));
}

/**
 * Compares what the code imports with what the manifest asks for, and with the files that are there. What code imports by a name it puts
 * together while it runs cannot be seen here; the sandbox denies it.
 */
export const checkImports = (imports: readonly NamedImport[], permissions: PluginPermissions, files: ReadonlySet<string>, code: ReadonlySet<string>): ScanFinding[] => {
  const packages = packagesIn(files);
  return imports.flatMap(({ file, name, line }): ScanFinding[] => {
    const finding = problemOf(file, name, permissions, packages, (path) => files.has(path) && !code.has(path));
    if (finding === undefined) return [];
    return [{ file, ...(line !== undefined && { line }), ...(TEST.test(file) ? asOfTest(finding) : finding) }];
  });
};

/** A plugin's own tests may start servers and processes. Should the plugin load them, the sandbox denies it all the same. */
const TEST = /^tests?\/|^(?!.*node_modules\/).*\.test\.[cm]?js$/;

const asOfTest = ({ message }: Omit<ScanFinding, 'file' | 'line'>): Omit<ScanFinding, 'file' | 'line'> => ({ kind: 'import-in-tests', severity: 'information', message });

const problemOf = (file: string, name: string, permissions: PluginPermissions, packages: ReadonlySet<string>, isUnread: (path: string) => boolean): Omit<ScanFinding, 'file' | 'line'> | undefined => {
  if (name.startsWith('.')) return fileProblem(file, name, isUnread);
  if (/^(\/|file:|data:|https?:)/.test(name)) return { kind: 'unexpected-import', severity: 'critical', message: `imports ${JSON.stringify(name)}, which is not part of the plugin` };
  if (name.startsWith('#') || name === '@conductor/platform-kit') return undefined;
  const builtin = name.replace(/^node:/, '');
  if (name.startsWith('node:') || (BUILTIN.has(builtin) && !packages.has(packageOf(name)))) return builtinProblem(builtin, permissions);
  const needed = packageOf(name);
  if (packages.has(needed) || ownName(file) === needed) return undefined;
  const optional = file.startsWith('node_modules/') || file.includes('/node_modules/');
  return { kind: 'missing-package', severity: optional ? 'information' : 'warning', message: `imports ${JSON.stringify(name)}, which does not lie in the plugin's node_modules` };
};

const builtinProblem = (builtin: string, permissions: PluginPermissions): Omit<ScanFinding, 'file' | 'line'> | undefined => {
  const needs = NEEDS[builtin];
  if (needs !== undefined && !needs.has(permissions)) return { kind: 'import-not-permitted', severity: 'critical', message: `imports node:${builtin}, and the manifest does not ask for permissions.${needs.permission}` };
  const suspicious = SUSPICIOUS[builtin];
  return suspicious === undefined ? undefined : { kind: 'unexpected-import', severity: 'warning', message: `imports node:${builtin}, which ${suspicious}` };
};

/** @param isUnread is it a file of the plugin that was not read as code? */
const fileProblem = (file: string, name: string, isUnread: (path: string) => boolean): Omit<ScanFinding, 'file' | 'line'> | undefined => {
  const path = posix.normalize(posix.join(posix.dirname(file), name));
  if (path.startsWith('../')) return { kind: 'unexpected-import', severity: 'critical', message: `imports ${JSON.stringify(name)}, which lies outside of the plugin` };
  if (/\.node$/.test(path)) return { kind: 'addon', severity: 'warning', message: `imports the addon ${JSON.stringify(name)}` };
  // Node takes every file for code whose ending it does not know, `.JSON` for instance.
  if (/\.(txt|md|map|css|html?|svg|png|jpe?g|gif|csv|ya?ml|xml|lock)$/i.test(path) || (isUnread(path) && !/\.(json|wasm)$/.test(path))) return { kind: 'unexpected-import', severity: 'critical', message: `loads ${JSON.stringify(name)} as code` };
  return undefined;
};

const packageOf = (name: string) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/');

const packagesIn = (files: ReadonlySet<string>): Set<string> => {
  const found = new Set<string>();
  for (const path of files) {
    const inside = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (inside !== undefined) found.add(inside);
    // Nested ones, too: node_modules/a/node_modules/b/…
    const last = path.lastIndexOf('node_modules/');
    if (last >= 0) found.add(packageOf(path.slice(last + 'node_modules/'.length)));
  }
  return found;
};

/** A package may import itself by its name. */
const ownName = (file: string): string | undefined => {
  const last = file.lastIndexOf('node_modules/');
  return last < 0 ? undefined : packageOf(file.slice(last + 'node_modules/'.length));
};
