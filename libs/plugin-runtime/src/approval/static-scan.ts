import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PluginPermissions, ScanFinding, ScanReport } from '@conductor/contracts';
import { quoted, type TreeFile } from './file-tree';
import { checkImports, type NamedImport } from './import-check';

export interface ScanOptions {
  /** After this the scan is ended, and what it had not read counts as unknown. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 60_000;
/** A source file beyond this is a data file, or made to stall whoever reads it. */
const LARGEST_SOURCE_BYTES = 5 * 1024 * 1024;
const HEAP_MB = 512;
const MOST_FINDINGS = 500;

const CODE = /\.(js|cjs|mjs|jsx)$/i;
/** Node would not run these by themselves; everything else may be loaded as code by its path. */
const DATA = /\.(json|md|txt|map|d\.ts|d\.mts|d\.cts|css|html?|svg|png|jpe?g|gif|webp|ico|woff2?|ttf|ya?ml|toml|xml|csv|wasm|node|flow|lock)$/i;
const isCode = ({ path, kind }: TreeFile) => kind === 'file' && (CODE.test(path) || !(DATA.test(path) || /(^|\/)(LICEN[CS]E|README|NOTICE|AUTHORS|CHANGELOG|\.[^/]*)[^/]*$/i.test(path)));

/** Reads the code of a plugin, without running any of it, for what a person should know before they trust it. */
export const scanPlugin = async (root: string, tree: readonly TreeFile[], permissions: PluginPermissions, options: ScanOptions = {}): Promise<ScanReport> => {
  const startedAt = performance.now();
  const code = tree.filter(isCode);
  const readable = code.filter(({ bytes }) => bytes <= LARGEST_SOURCE_BYTES);
  const large = code.filter(({ bytes }) => bytes > LARGEST_SOURCE_BYTES).map(({ path, bytes }): ScanFinding => ({ file: path, kind: 'too-large', severity: 'critical', message: `has ${bytes} bytes of code, too much to be read` }));
  const manifests = tree.filter(({ path, kind, bytes }) => kind === 'file' && /(^|\/)package\.json$/.test(path) && bytes <= LARGEST_SOURCE_BYTES).map(({ path }) => path);
  const read = await readInChild(root, readable.map(({ path }) => path), manifests, options);
  const findings = [...large, ...binaries(tree), ...checkImports(read.imports, permissions, new Set(tree.map(({ path }) => path)), new Set(code.map(({ path }) => path))), ...read.findings].sort(byWeight);
  return {
    files: read.files,
    imports: [...new Set(read.imports.filter(({ file }) => !/(^|\/)package\.json$/.test(file)).map(({ name }) => name))].sort(),
    findings: findings.slice(0, MOST_FINDINGS),
    ...(read.incomplete !== undefined && { incomplete: read.incomplete }),
    tookMs: Math.round(performance.now() - startedAt),
  };
};

const binaries = (tree: readonly TreeFile[]): ScanFinding[] =>
  tree.filter(({ path }) => /\.(node|wasm|so|dll|dylib|exe)$/i.test(path)).map(({ path }) => ({ file: path, kind: 'binary', severity: 'warning', message: 'is a binary, which nobody can read' }));

const WEIGHT = { critical: 0, warning: 1, information: 2 };
const byWeight = (a: ScanFinding, b: ScanFinding) => WEIGHT[a.severity] - WEIGHT[b.severity];

interface Read {
  files: number;
  findings: ScanFinding[];
  imports: NamedImport[];
  incomplete?: string;
}

type Message = { reading: string } | { file: string; findings: ScanFinding[]; imports: Array<{ name: string; line?: number }> } | { manifest: string; imports: Array<{ name: string }> } | { done: true };

const readInChild = (root: string, files: string[], manifests: string[], { timeoutMs = TIMEOUT_MS, signal }: ScanOptions): Promise<Read> => {
  const read: Read = { files: 0, findings: [], imports: [] };
  if (files.length + manifests.length === 0) return Promise.resolve(read);
  const packages = packagesFolder();
  const child = fork(join(__dirname, 'scan-process.cjs'), [], {
    env: {},
    cwd: '/',
    execArgv: ['--permission', ...['scan-process.cjs', 'hidden-code.cjs', 'constant-text.cjs'].map((file) => `--allow-fs-read=${join(__dirname, file)}`), `--allow-fs-read=${packages}/*`, `--allow-fs-read=${root}/*`, '--no-addons', `--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
  });
  return new Promise((resolve) => {
    let reading = files[0] ?? 'package.json';
    let done = false;
    let why: string | undefined;
    const end = (reason: string) => {
      why ??= reason;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => end(`it took longer than ${timeoutMs} ms`), timeoutMs);
    const aborted = () => end('it was stopped');
    signal?.addEventListener('abort', aborted);
    if (signal?.aborted) aborted();
    child.on('message', (message: Message) => {
      if ('reading' in message) reading = message.reading;
      else if ('done' in message) done = true;
      else if ('manifest' in message) read.imports.push(...message.imports.map((one) => ({ ...one, file: message.manifest })));
      else {
        read.files++;
        read.findings.push(...message.findings);
        read.imports.push(...message.imports.map((one) => ({ ...one, file: message.file })));
      }
    });
    settled(child, (reason) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      resolve(done ? read : { ...read, incomplete: `${quoted(reading)} could not be read: ${why ?? reason}` });
    });
    child.send({ root, files, manifests, analyserUrl: pathToFileURL(join(packages, '@nodesecure/js-x-ray/dist/index.js')).href }, (error) => error && end(error.message));
  });
};

const settled = (child: ChildProcess, then: (reason: string) => void) => {
  let called = false;
  const once = (reason: string) => {
    if (!called) then(reason);
    called = true;
  };
  child.once('error', (error) => once(`the reading process did not start (${error.message})`));
  child.once('close', (code, killedBy) => once(killedBy === null ? `the reading process ended with code ${code}` : `the reading process ended by ${killedBy}, probably out of memory`));
};

/** The `node_modules` that has the analyser; it has no entry that could be asked for without loading it. */
const packagesFolder = (): string => {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules', '@nodesecure', 'js-x-ray'))) return join(folder, 'node_modules');
    if (dirname(folder) === folder) throw new Error('@nodesecure/js-x-ray is not installed: run npm ci');
  }
};
