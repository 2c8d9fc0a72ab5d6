import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cgroups } from './cgroups';
import { commandFor, type Launch, type LaunchMeans } from './launch';
import { findTools, librariesOf, nodeBinary } from './tools';

export type WallName = 'permissions' | 'environment' | 'files' | 'network' | 'processes' | 'user' | 'limits' | 'memory' | 'memory-watch';

/** One wall, as it was found when it was tried on this machine. */
export interface Wall {
  readonly name: WallName;
  readonly up: boolean;
  /** What it stops. */
  readonly stops: string;
  /** For a person: how it was found to hold, or why it is missing and what to do. */
  readonly reason: string;
  /** Strict mode runs no third-party code without it. */
  readonly required: boolean;
}

interface Findings {
  reached: Record<string, true | string>;
  facts: { uid: number; environment: string[]; capabilities?: string; descriptors?: number };
}

const PROBE_MS = 15_000;
/** Any number that no account has. */
const PROBE_UID = 61_999;

/** The walls of this machine: what each plugin's process is started behind. */
export class SandboxWalls {
  private constructor(
    readonly means: LaunchMeans,
    readonly walls: readonly Wall[],
  ) {}

  /** Walls that are not there and should be. */
  get missing(): Wall[] {
    return this.walls.filter(({ up, required }) => required && !up);
  }

  /**
   * Tries every wall: a process is started behind all that may be possible, and does its best to get out. What does not start,
   * or does not hold, is left out, with the reason.
   * @param below the folder that plugins will run in: who may not even get there is found out now
   */
  static async probe(below = tmpdir()): Promise<SandboxWalls> {
    const tools = await findTools();
    const node = await nodeBinary();
    const libraries = tools.setpriv ? await librariesOf(node, tools.setpriv) : [];
    const cgroups = await Cgroups.find(tools.sh);
    const base = { tools, node, nodeWallsNetwork: process.allowedNodeEnvironmentFlags.has('--allow-net'), libraries, ...('cgroups' in cgroups && { cgroups: cgroups.cgroups }) };
    const targets = await Targets.open(below);
    try {
      const failures: string[] = [];
      for (const ways of waysToLaunch(base)) {
        const open = await targets.try(ways, false).catch((error: unknown) => void failures.push(`${describeWay(ways)}: ${essence(error)}`));
        if (!open) continue;
        const guarded = await targets.try(ways, true).catch((error: unknown) => ({ failed: essence(error) }));
        return new SandboxWalls(ways, judge(ways, open, guarded, failures, 'cgroups' in cgroups ? undefined : cgroups.reason));
      }
      throw new Error(`no process can be started here, not even without walls: ${failures.join('; ')}`);
    } finally {
      await targets.close();
    }
  }
}

/** From the strongest combination to none. */
const waysToLaunch = (base: Omit<LaunchMeans, 'namespaces' | 'enclosed' | 'ownUser'>): LaunchMeans[] => {
  const { unshare, setpriv, sh, mount, chroot } = base.tools;
  const root = process.getuid?.() === 0;
  const linux = process.platform === 'linux';
  const enclosing = linux && unshare && setpriv && sh && mount && chroot && base.libraries.length > 0;
  const ownUser = root && setpriv !== undefined;
  return [
    ...(enclosing && root ? [{ ...base, namespaces: 'root', enclosed: true, ownUser } as const] : []),
    ...(enclosing ? [{ ...base, namespaces: 'user', enclosed: true, ownUser: false } as const] : []),
    ...(linux && unshare && root ? [{ ...base, namespaces: 'root', enclosed: false, ownUser } as const] : []),
    ...(linux && unshare ? [{ ...base, namespaces: 'user', enclosed: false, ownUser: false } as const] : []),
    ...(ownUser ? [{ ...base, namespaces: 'none', enclosed: false, ownUser } as const] : []),
    { ...base, namespaces: 'none', enclosed: false, ownUser: false },
  ];
};

const describeWay = ({ namespaces, enclosed, ownUser }: LaunchMeans) =>
  [namespaces === 'none' ? 'no namespaces' : `namespaces of ${namespaces === 'root' ? 'the superuser' : 'an ordinary user'}`, enclosed && 'own file system', ownUser && 'own user'].filter(Boolean).join(', ');

const essence = (error: unknown): string => {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr?.trim().split('\n').at(-1) || message?.split('\n')[0] || String(error)).slice(0, 300);
};

const HELD = 'tried on this machine, and it held';

const judge = (means: LaunchMeans, open: Findings, guarded: Findings | { failed: string }, failures: string[], noCgroups: string | undefined): Wall[] => {
  const past = (...names: string[]) => names.filter((name) => open.reached[name] === true);
  const because = failures.length > 0 ? ` (${failures.join('; ')})` : '';
  const wall = (name: WallName, stops: string, up: boolean, otherwise: string, required = true): Wall => ({ name, up, stops, reason: up ? HELD : `${otherwise}`, required });
  const throughNode = 'failed' in guarded ? [guarded.failed] : Object.entries(guarded.reached).filter(([name, result]) => result === true && !['network', 'unixSocket', 'signal', 'privilegedPort'].includes(name)).map(([name]) => name);
  const { capabilities, environment } = open.facts;
  // In a container whose /proc is masked a process cannot read its own; what they allow it can try.
  const hasNoCapability = capabilities === undefined ? open.reached['privilegedPort'] === 'EACCES' : /^0+$/.test(capabilities);
  return [
    wall('permissions', 'files, child processes, workers, addons, inspector, WASI and SQLite, inside of Node', throughNode.length === 0, `Node's permission model let through: ${throughNode.join(', ')}`),
    wall('environment', 'reading our settings and secrets from the environment, and using descriptors of ours', environment.every((name) => name === 'PWD' || name === 'OLDPWD'), `the process sees ${environment.join(', ')}`),
    wall('files', 'everything outside of its own folders, whatever happens inside of Node', means.enclosed && past('file', 'unixSocket').length === 0, `no file system of its own can be made here${because}. It takes \`unshare\`, \`setpriv\`, \`mount\` and \`chroot\` (util-linux, coreutils), and root or user namespaces`),
    wall('network', 'every connection but those through our egress proxy', means.namespaces !== 'none' && past('network').length === 0, `no network namespace can be made here${because}. It takes \`unshare\`, and root or user namespaces (in a container: CAP_SYS_ADMIN)`),
    wall('processes', 'signals to other processes', past('signal').length === 0, `it can signal our own process${because}`),
    wall('user', 'what the file system and the kernel allow to our own user', (means.ownUser && open.facts.uid !== process.getuid?.()) || (means.namespaces === 'user' && hasNoCapability), `it runs as our own user${because}. It takes root, or user namespaces`),
    wall('limits', 'core dumps, huge files, open descriptors without end', means.tools.prlimit !== undefined, '`prlimit` (util-linux) is not installed'),
    wall('memory', 'more memory, or more threads, than the manifest says; at once, by the kernel', means.cgroups !== undefined, `no control group can be made here: ${noCgroups}. Memory is looked at several times a second instead`, false),
    wall('memory-watch', 'the same, some tenths of a second later', process.platform === 'linux', 'there is no /proc on this system', true),
  ];
};

/** What a probe aims at: things of ours that are open to anyone on this machine. */
class Targets {
  private constructor(
    private readonly folder: string,
    /** The path of a socket may have some hundred characters at most. */
    private readonly doors: string,
    private readonly tcp: Server,
    private readonly unix: Server,
  ) {}

  static async open(below: string): Promise<Targets> {
    const [folder, doors] = await Promise.all([below, tmpdir()].map(async (place) => realpath(await mkdtemp(join(place, 'conductor-walls-')))) as [Promise<string>, Promise<string>]);
    const [tcp, unix] = [createServer((socket) => socket.end()), createServer((socket) => socket.end())];
    await mkdir(join(folder, 'root'));
    await mkdir(join(folder, 'own'));
    await writeFile(join(folder, 'secret'), 'whoever reads this has got out');
    await chmod(folder, 0o755);
    await chmod(doors, 0o755);
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => unix.listen(join(doors, 'door'), resolve));
    await chmod(join(doors, 'door'), 0o777);
    return new Targets(folder, doors, tcp, unix);
  }

  try(means: LaunchMeans, guarded: boolean): Promise<Findings> {
    const aims = { file: join(this.folder, 'secret'), socket: join(this.doors, 'door'), port: (this.tcp.address() as AddressInfo).port, pid: process.pid, guarded, ownNetwork: means.namespaces !== 'none' };
    const script = join(__dirname, 'probe.cjs');
    const launch: Launch = {
      script: [script, JSON.stringify(aims)],
      read: [script],
      write: [],
      sockets: [],
      root: join(this.folder, 'root'),
      groups: [],
      uid: PROBE_UID,
      memoryMb: 128,
      allow: { childProcess: false, workers: false, addons: false, wasi: false, inspector: false },
      permissions: guarded,
    };
    const [file, ...args] = commandFor(means, launch);
    return new Promise((resolve, reject) => {
      execFile(file, args, { env: {}, cwd: join(this.folder, 'own'), timeout: PROBE_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
        if (error) return reject(Object.assign(error as Error, { stderr }));
        try {
          resolve(JSON.parse(stdout) as Findings);
        } catch {
          reject(new Error(`the probe said nothing that can be read: ${stderr || stdout}`));
        }
      });
    });
  }

  async close(): Promise<void> {
    this.tcp.close();
    this.unix.close();
    for (const folder of [this.folder, this.doors]) await rm(folder, { recursive: true, force: true });
  }
}
