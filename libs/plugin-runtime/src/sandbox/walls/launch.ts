import { join } from 'node:path';
import type { PluginPermissions } from '@conductor/contracts';
import type { GrantedPath } from '../granted-paths';
import type { Cgroups } from './cgroups';
import type { Tools } from './tools';

/** How far this machine and this user let a process be walled in. */
export interface LaunchMeans {
  readonly tools: Tools;
  /** Who may make namespaces: the superuser, an ordinary user inside of a user namespace, nobody. */
  readonly namespaces: 'root' | 'user' | 'none';
  /** Its own file system and its own process numbers, beside its own network. */
  readonly enclosed: boolean;
  /** A user of its own for each plugin. */
  readonly ownUser: boolean;
  readonly node: string;
  /** Its own permissions keep a process from the network, too: from Node 25 on. */
  readonly nodeWallsNetwork: boolean;
  /** What `node` and `setpriv` need to run. */
  readonly libraries: readonly string[];
  readonly cgroups?: Cgroups;
}

/** One process to be started. Paths are absolute. */
export interface Launch {
  /** Script that Node runs, with its arguments. */
  readonly script: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Those of `read` and `write` that are files of others: exactly these are mounted. */
  readonly granted?: readonly GrantedPath[];
  /** Sockets that it connects to: visible, but no file it may read. */
  readonly sockets: readonly string[];
  /** Empty folder to mount its file system on. */
  readonly root: string;
  /** Folders of the control groups that it belongs to. */
  readonly groups: readonly string[];
  readonly uid: number;
  readonly memoryMb: number;
  readonly allow: Pick<PluginPermissions, 'childProcess' | 'workers' | 'addons' | 'wasi' | 'inspector'>;
  /** Node's own permission model; only the probe of the other walls goes without. */
  readonly permissions: boolean;
}

const LARGEST_FILE_BYTES = 256 * 1_048_576;
const MOST_OPEN_FILES = 512;
/** Node itself, without any heap. */
const OUTSIDE_HEAP_MB = 40;
const SMALLEST_HEAP_MB = 24;

/** The command that starts a process behind every wall there is. From outside in: each program sets its part up and becomes the next. */
export const commandFor = (means: LaunchMeans, launch: Launch): [file: string, ...args: string[]] => {
  const { tools } = means;
  const command: string[] = [];
  if (launch.groups.length > 0) command.push(tools.sh!, join(__dirname, 'join-groups.sh'), ...launch.groups, '--');
  // When we die, however that happens, the process must not outlive us.
  if (tools.setpriv) command.push(tools.setpriv, '--pdeathsig', 'KILL', '--');
  if (tools.prlimit) command.push(tools.prlimit, '--core=0:0', `--fsize=${LARGEST_FILE_BYTES}:${LARGEST_FILE_BYTES}`, `--nofile=${MOST_OPEN_FILES}:${MOST_OPEN_FILES}`, '--');
  if (means.namespaces !== 'none') {
    command.push(tools.unshare!, ...(means.namespaces === 'user' ? ['--map-root-user'] : []), '--net', '--ipc', '--uts');
    if (means.enclosed) command.push('--mount', '--pid', '--fork', '--', tools.sh!, join(__dirname, 'enclose.sh'), launch.root, ...mountsOf(means, launch));
    command.push('--');
  }
  if (tools.setpriv) command.push(tools.setpriv, ...privilegesOf(means, launch), '--pdeathsig', 'KILL', '--');
  command.push(means.node, ...nodeFlags(means, launch), ...launch.script);
  return command as [string, ...string[]];
};

const mountsOf = ({ libraries, node, tools }: LaunchMeans, { read, write, sockets, granted = [] }: Launch): string[] => {
  const shown = (kind: 'ro' | 'rw') => (path: string) => [...granted.filter((one) => one.path === path).slice(0, 1).map(({ identity, source }) => `id:${identity}:${source}`), `${kind}:${path}`];
  const readOnly = [...libraries, node, tools.setpriv!, ...read.filter((path) => !write.includes(path))];
  return [...outermost(readOnly).flatMap(shown('ro')), ...outermost([...write]).flatMap(shown('rw')), ...sockets.map((path) => `dev:${path}`), 'dev:/dev/null', 'dev:/dev/urandom'];
};

/** What lies inside of another one shows with it. */
const outermost = (paths: readonly string[]): string[] => [...new Set(paths)].filter((path, _, all) => !all.some((other) => other !== path && path.startsWith(`${other}/`)));

const privilegesOf = ({ namespaces, ownUser }: LaunchMeans, { uid }: Launch): string[] => [
  ...(ownUser ? [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'] : []),
  ...(ownUser || namespaces !== 'none' ? ['--bounding-set=-all', '--inh-caps=-all'] : []),
  '--no-new-privs',
];

const nodeFlags = ({ nodeWallsNetwork }: LaunchMeans, { permissions, allow, read, write, sockets, memoryMb }: Launch): string[] => [
  ...(permissions
    ? [
        '--permission',
        ...[...read, ...write].map((path) => `--allow-fs-read=${path}`),
        ...write.map((path) => `--allow-fs-write=${path}`),
        ...(allow.childProcess ? ['--allow-child-process'] : []),
        ...(allow.workers ? ['--allow-worker'] : []),
        ...(allow.wasi ? ['--allow-wasi'] : []),
        ...(allow.inspector ? ['--allow-inspector'] : []),
        // How far one gets that was granted hosts is for its namespace and the proxy to say.
        ...(nodeWallsNetwork && sockets.length > 0 ? ['--allow-net'] : []),
        ...(allow.addons ? ['--allow-addons'] : ['--no-addons']),
        // It opens any file, past the permissions.
        '--no-experimental-sqlite',
      ]
    : []),
  '--disable-sigusr1',
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=SecurityWarning',
  '--max-semi-space-size=2',
  `--max-old-space-size=${Math.max(SMALLEST_HEAP_MB, Math.floor(memoryMb - OUTSIDE_HEAP_MB))}`,
];
