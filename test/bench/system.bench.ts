import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryOf } from './support/processes';
import type { Result } from './support/report';

const PORTS = { CONDUCTOR_PORT: '0', ROUTER_PORT: '0', ANDROID_PORT: '0', HEALTH_MONITOR_PORT: '0', STUBS_PORT: '0', BRAIN_PORT: '0' };
const SETTLE_MS = 20_000;

interface RunFile {
  apps: Record<string, { pid: number; state: string }>;
}

/** The whole system as `npm start` brings it up: how long it takes the second time, and what every process weighs when idle. */
export const wholeSystem = async (): Promise<Result[]> => {
  const home = mkdtempSync(join(tmpdir(), 'conductor-bench-'));
  const first = await bringUp(home);
  await first.stop();
  const second = await bringUp(home);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const { apps } = JSON.parse(readFileSync(join(home, 'run.json'), 'utf8')) as RunFile;
  const processes = [...Object.entries(apps).map(([name, { pid }]) => ({ name, pid })), { name: 'launcher', pid: second.pid }];
  const memory = processes.map(({ name, pid }) => ({ name, ...memoryOf(pid) }));
  await second.stop();
  rmSync(home, { recursive: true, force: true });
  const sum = (pick: (of: (typeof memory)[number]) => number) => memory.reduce((total, of) => total + pick(of), 0);
  return [
    {
      title: 'Start',
      note: 'Seconds from starting the launcher until every app is ready. Goal for the second start: 6 s.',
      columns: ['start', 'seconds'],
      rows: [['first, empty home', (first.ms / 1_000).toFixed(1)], ['second', (second.ms / 1_000).toFixed(1)]],
    },
    {
      title: 'Idle memory of every process',
      note: `MB, ${SETTLE_MS / 1_000} s after the start: resident, and the part shared with no file (the rest is mostly Node’s own program file, which all processes share).`,
      columns: ['process', 'resident', 'private'],
      rows: [...memory.map(({ name, rssMb, privateMb }) => [name, rssMb, privateMb]), ['sum', sum(({ rssMb }) => rssMb), sum(({ privateMb }) => privateMb)]],
    },
  ];
};

const bringUp = async (home: string): Promise<{ ms: number; pid: number; stop(): Promise<void> }> => {
  const { NODE_OPTIONS: _, REDIS_URL: __, TEST_REDIS_URL: ___, ...env } = process.env;
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(__dirname, '..', '..', '..', '..', 'dist', 'apps', 'launcher', 'src', 'main.js')], { env: { ...env, ...PORTS, CONDUCTOR_HOME: home, LOG_LEVEL: 'warn' }, stdio: 'ignore' });
  const ready = () => {
    const file = join(home, 'run.json');
    if (!existsSync(file)) return false;
    const { apps } = JSON.parse(readFileSync(file, 'utf8')) as RunFile;
    return Object.keys(apps).length >= 7 && Object.values(apps).every(({ state }) => state === 'ready');
  };
  while (!ready()) await new Promise((resolve) => setTimeout(resolve, 20));
  const ms = performance.now() - startedAt;
  const stop = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
    });
  return { ms, pid: child.pid!, stop };
};
