import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Footprint, footprintOf } from '../support/footprint';
import { openLoop, percentile, RawPoster } from './support/load';
import type { Result } from './support/report';
import { bringUp, type System } from './support/whole-system';

const PER_SECOND = 200;
const BEFORE_SECONDS = 20;
const SWAPS = 20;
const MANY_SWAPS = Number(process.env['SWAP_MANY'] ?? 100);
const FIXTURES = resolve('test', 'fixtures', 'plugins', 'echo');

interface Row {
  ms: number;
  status: number;
  version: string;
  times: number;
}

/** The whole system as `npm start` brings it up; a plugin goes back and forth between two versions under steady requests. */
export const swap = async (): Promise<Result[]> => {
  const home = mkdtempSync(join(tmpdir(), 'conductor-bench-'));
  for (const version of ['1.0.0', '1.1.0']) cpSync(join(FIXTURES, version), join(home, 'dropped', `echo@${version}`), { recursive: true });
  const system = await bringUp(home);
  try {
    await install(system);
    const before = await load(system, () => new Promise((done) => setTimeout(done, BEFORE_SECONDS * 1_000)));
    const during = await load(system, () => swaps(system, SWAPS));
    const footprint = await leaks(system);
    return [
      {
        title: `Swapping a plugin under ${PER_SECOND} requests/s, ${SWAPS} times back and forth`,
        note: 'Milliseconds of whole REST requests to a plugin in its sandbox, open loop. Goals: none lost, none failed, none answered twice, p99 within 50 ms of before.',
        columns: ['', 'requests', 'lost', 'failed', 'answered twice', 'p50', 'p99', 'most'],
        rows: [rowOf(`${BEFORE_SECONDS} s before`, before), rowOf(`during ${SWAPS} swaps`, during)],
      },
      footprint,
    ];
  } finally {
    await system.stop();
    rmSync(home, { recursive: true, force: true });
  }
};

interface Load {
  begun: number;
  rows: Row[];
}

const rowOf = (name: string, { begun, rows }: Load) => {
  const ms = rows.map((row) => row.ms);
  return [name, begun, begun - rows.length, rows.filter(({ status }) => status !== 200).length, rows.filter(({ times }) => times > 1).length, ...[0.5, 0.99, 1].map((share) => percentile(ms, share).toFixed(1))];
};

/** Requests at a steady rate for as long as something takes. */
const load = async (system: System, work: () => Promise<unknown>): Promise<Load> => {
  const bytes = RawPoster.bytes(`${system.url('router')}/v1/requests`, system.key, { target: 'echo', kind: 'message', content: 'hello', deadlineMs: 20_000 });
  const idle: RawPoster[] = [];
  const rows: Row[] = [];
  let begun = 0;
  const call = async () => {
    begun++;
    const poster = idle.pop() ?? new RawPoster(system.url('router'));
    const startedAt = performance.now();
    const { status, body } = await poster.post(bytes);
    const { answer } = JSON.parse(body) as { answer?: { version: string; times: number } };
    rows.push({ ms: performance.now() - startedAt, status, version: answer?.version ?? '', times: answer?.times ?? 0 });
    idle.push(poster);
  };
  let done = false;
  const working = work().finally(() => (done = true));
  while (!done) await openLoop(PER_SECOND, 1, call);
  await working;
  idle.forEach((poster) => poster.close());
  return { begun, rows };
};

const swaps = async (system: System, count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await system.post('/v1/plugins/echo/swap', { version: n % 2 === 0 ? '1.1.0' : '1.0.0' });
};

/** What the plugin-host holds before and after many swaps. */
const leaks = async (system: System): Promise<Result> => {
  await swaps(system, 4);
  const look = () => footprintOf({ pid: system.pid('plugin-host'), url: system.url('plugin-host'), redisUrl: system.redisUrl() });
  const before = await look();
  const startedAt = performance.now();
  await swaps(system, MANY_SWAPS);
  const each = (performance.now() - startedAt) / MANY_SWAPS;
  await new Promise((done) => setTimeout(done, 2_000));
  const rowOfFootprint = (name: string, one: Footprint) => [name, one.processes, one.descriptors, one.listening, one.listeners, one.redisConnections, Math.round(one.rssMb)];
  return {
    title: `What ${MANY_SWAPS} swaps leave in the plugin-host`,
    note: `A swap takes ${each.toFixed(0)} ms on average, of which 200 are pauses between the three health checks. Listeners are callbacks on the process, its output and its Redis connections; Redis connections are those of all apps. Goal: everything where it was.`,
    columns: ['', 'processes', 'file descriptors', 'listening sockets', 'listeners', 'Redis connections', 'resident MB'],
    rows: [rowOfFootprint('before', before), rowOfFootprint('after', await look())],
  };
};

const install = async (system: System): Promise<void> => {
  await system.post('/v1/plugins/discover');
  for (const version of ['1.0.0', '1.1.0']) {
    const { integrity } = await system.get<{ integrity: string }>(`/v1/plugins/echo/inspection?version=${version}`);
    await system.post('/v1/plugins/echo/approve', { version, integrity });
  }
  await system.post('/v1/plugins/echo/load', { version: '1.0.0' });
  for (;;) {
    const { state } = await system.get<{ state: string }>('/v1/plugins/echo');
    if (state === 'running') return;
    await new Promise((done) => setTimeout(done, 100));
  }
};
