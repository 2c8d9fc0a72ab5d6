import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '@conductor/testing';
import { isAlive } from '../process/usage';
import { Sandbox } from '../sandbox';
import { commandFor, type Launch, type LaunchMeans } from './launch';
import { SandboxWalls, type Wall } from './walls';

const PROGRAM = join(__dirname, '..', 'testing', 'ordinary-user.main.ts');
const TYPESCRIPT = join(__dirname, '..', '..', '..', '..', 'testing', 'src', 'run-typescript.cjs');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning', '--require', TYPESCRIPT, PROGRAM] as const;
const isRoot = process.getuid?.() === 0;
const byName = (walls: readonly Wall[]) => Object.fromEntries(walls.map((wall) => [wall.name, wall]));

let found: SandboxWalls;
beforeAll(async () => (found = await SandboxWalls.probe()));

it('tries every wall, and says of each how it was found', () => {
  expect(found.walls.map(({ name }) => name)).toEqual(['permissions', 'environment', 'files', 'network', 'processes', 'user', 'limits', 'memory', 'memory-watch']);
  for (const { up, reason } of found.walls) expect(reason).toMatch(up ? /^tried on this machine, and it held$/ : /.{20}/);
  // Node's own walls need nothing of the machine.
  expect(byName(found.walls)).toMatchObject({ permissions: { up: true }, environment: { up: true } });
  const down = found.walls.filter(({ up }) => !up);
  if (down.length > 0) console.warn(`Walls that this machine has not got, and that no test here tries: ${down.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`);
});

describe('the command of a process', () => {
  const launch: Launch = {
    script: ['/run/bootstrap.cjs'], read: ['/plugin', '/plugin/inside'], write: ['/data'], sockets: ['/run/egress'], root: '/run/root', groups: ['/groups/one'], uid: 40_001, memoryMb: 128,
    allow: { childProcess: false, workers: true, addons: false, wasi: false, inspector: false }, permissions: true,
  };
  const means: LaunchMeans = { tools: { sh: '/sh', unshare: '/unshare', setpriv: '/setpriv', prlimit: '/prlimit', mount: '/mount', chroot: '/chroot' }, namespaces: 'root', enclosed: true, ownUser: true, node: '/node', nodeWallsNetwork: false, libraries: ['/lib/libc.so'] };

  it('grants what was granted and nothing else', () => {
    const command = commandFor(means, launch).join(' ');
    expect(command).toContain('--permission --allow-fs-read=/plugin --allow-fs-read=/plugin/inside --allow-fs-read=/data --allow-fs-write=/data --allow-worker --no-addons --no-experimental-sqlite');
    expect(command).toMatch(/^\/sh \S+\/join-groups\.sh \/groups\/one -- \/setpriv --pdeathsig KILL -- \/prlimit /);
    expect(command).toContain('/unshare --net --ipc --uts --mount --pid --fork');
    expect(command).toContain('/run/root ro:/lib/libc.so ro:/node ro:/setpriv ro:/plugin rw:/data dev:/run/egress dev:/dev/null dev:/dev/urandom --');
    expect(command).toContain('--reuid=40001 --regid=40001 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs --pdeathsig KILL');
    expect(command).toContain('--max-old-space-size=88');
  });

  it('lets one that was granted hosts through where Node itself keeps processes from the network, and no other', () => {
    const walling = { ...means, nodeWallsNetwork: true };
    expect(commandFor(walling, launch).join(' ')).toContain('--allow-worker --allow-net --no-addons --no-experimental-sqlite');
    expect(commandFor(walling, { ...launch, sockets: [] })).not.toContain('--allow-net');
  });

  it('does without what the machine has not got', () => {
    const [file, ...args] = commandFor({ ...means, tools: {}, namespaces: 'none', enclosed: false, ownUser: false }, { ...launch, groups: [] });
    expect(file).toBe('/node');
    expect(args[0]).toBe('--permission');
    expect(commandFor({ ...means, namespaces: 'user', enclosed: false, ownUser: false }, launch).join(' ')).toContain('/unshare --map-root-user --net --ipc --uts -- /setpriv --bounding-set=-all');
  });
});

it.each([
  ['', []],
  // As container engines do: part of /proc is covered, so that no further one can be mounted in a namespace of one's own.
  [' in a container whose /proc is masked', ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs masked /proc/irq && exec "$@"', 'sh']],
])('an ordinary user has the same walls, by way of a user namespace, where the kernel allows one%s', async (_, inside) => {
  if (!isRoot) return console.warn('Not run as root: what an ordinary user has is what the other tests show.');
  const as = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  if (spawnSync('setpriv', [...as, 'test', '-r', PROGRAM]).status !== 0) return console.warn('No other user can be taken on here, or none that may read this project.');
  const command = [...inside, 'setpriv', ...as, ...NODE];
  const { stdout } = await promisify(execFile)(command[0]!, command.slice(1), { env: { PATH: process.env['PATH'], TMPDIR: '/tmp' }, cwd: '/' });
  const told = JSON.parse(stdout.trim().split('\n').at(-1)!) as { walls: Wall[]; namespaces: string; enclosed: boolean; answer: Record<string, unknown>; uid: number };

  expect(told.uid).toBe(65_534);
  expect(told.answer).toMatchObject({ outside: 'ERR_ACCESS_DENIED', own: 1 });
  const walls = byName(told.walls);
  if (told.namespaces === 'none') return console.warn(`No user namespaces here: ${walls['network']?.reason}`);
  expect(told).toMatchObject({ namespaces: 'user', enclosed: true });
  for (const name of ['permissions', 'environment', 'files', 'network', 'processes', 'user', 'limits']) expect([name, walls[name]?.up]).toEqual([name, true]);
});

it('a process does not outlive its host, however that one died', async () => {
  if (!found.means.tools.setpriv) return console.warn('No setpriv here: a plugin whose host is killed ends when it notices that its pipe is closed.');
  const host = spawn(NODE[0], [...NODE.slice(1), 'doomed'], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } });
  const [said] = (await once(host.stdout, 'data')) as [Buffer];
  const { pid, folder } = JSON.parse(said.toString()) as { pid: number; folder: string };
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`conductor-plugin-${host.pid}-`));
  expect(isAlive(pid)).toBe(true);
  expect(left()).toHaveLength(1);

  host.kill('SIGKILL');
  await until(() => expect(isAlive(pid)).toBe(false));

  // What it could not clear away, the next one does.
  (await Sandbox.open({ folder }, found)).close();
  expect(left()).toEqual([]);
  await rm(folder, { recursive: true });
});
