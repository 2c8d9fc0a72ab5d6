import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findApps, portVariableOf } from '@conductor/config';
import { memoryOf } from './support/processes';
import type { Result } from './support/report';

/** Any free port for every app: another Conductor may run in this very checkout. */
const PORTS = Object.fromEntries(findApps().map(({ name }) => [portVariableOf(name), '0']));
/** A start that takes longer hangs. */
const PATIENCE_MS = 120_000;
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
  const child = spawn(process.execPath, [join(__dirname, '..', '..', '..', '..', 'dist', 'apps', 'launcher', 'src', 'main.js')], { env: { ...env, ...PORTS, CONDUCTOR_HOME: home, LOG_LEVEL: 'warn' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-5_000)));
  const ready = () => {
    const file = join(home, 'run.json');
    if (!existsSync(file)) return false;
    const { apps } = JSON.parse(readFileSync(file, 'utf8')) as RunFile;
    return Object.keys(apps).length > findApps().length && Object.values(apps).every(({ state }) => state === 'ready');
  };
  while (!ready()) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || performance.now() - startedAt > PATIENCE_MS) {
      child.kill('SIGTERM');
      throw new Error(`the system ${ended ? 'ended before it was ready' : `was not ready within ${PATIENCE_MS / 1_000} s`}. It said:\n${output}`);
    }
    await sleep(20);
  }
  const ms = performance.now() - startedAt;
  const stop = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
    });
  return { ms, pid: child.pid!, stop };
};
