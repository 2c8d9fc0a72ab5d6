import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openLoop, percentile, RawPoster } from './support/load';
import { memoryOf } from './support/processes';
import type { Result } from './support/report';
import { bringUp, type System } from './support/whole-system';

/** Seconds of each flood, and of the quiet before; `FLOOD_SECONDS` shortens both. */
const SECONDS = Number(process.env['FLOOD_SECONDS'] ?? 60);
const CALLS_A_SECOND = 50;
const FLOODERS = 16;
/** A little below the greatest body that is let in. */
const CONTENT = 'x'.repeat(1_000_000);
const PLUGIN = 'flooder';

interface Seen {
  ms: number[];
  failed: number;
  redisLost: number;
}

/** A flood of 1 MB messages at full speed, from one ingress key and from one plugin, and what becomes of every other caller. */
export const flood = async (): Promise<Result[]> => {
  const home = mkdtempSync(join(tmpdir(), 'conductor-bench-'));
  writeFlooder(join(home, 'dropped', `${PLUGIN}@1.0.0`));
  const system = await bringUp(home);
  try {
    await useFlooder(system);
    const before = await whileOthersCall(system, () => pause(SECONDS * 1_000));
    const memory = new Memory(system);
    const byKey = await whileOthersCall(system, () => floodByKey(system));
    const byPlugin = await whileOthersCall(system, () => floodByPlugin(system));
    return [results(before, byKey, byPlugin), memory.end()];
  } finally {
    await system.stop();
    rmSync(home, { recursive: true, force: true });
  }
};

const results = (before: Seen, ...floods: Array<Seen & { sent: number | string; refused: number | string }>): Result => {
  const row = (name: string, { ms, failed, redisLost }: Seen, sent: number | string, refused: number | string) => {
    const p99 = percentile(ms, 0.99);
    return [name, ms.length, failed, redisLost, percentile(ms, 0.5).toFixed(1), p99.toFixed(1), (p99 / percentile(before.ms, 0.99)).toFixed(2), sent, refused];
  };
  return {
    title: `Floods of 1 MB messages at full speed, ${SECONDS} s each`,
    note: `${CALLS_A_SECOND} requests a second of another key to another platform, open loop; milliseconds. One key floods with ${FLOODERS} requests in flight, then a plugin without permissions with as many emits as it may. Goals: p99 3 times that of before, nothing failed, nobody loses Redis.`,
    columns: ['', 'other calls', 'failed', 'Redis lost', 'p50', 'p99', 'times before', 'flood: sent', 'of which refused'],
    rows: [row('before', before, '–', '–'), ...floods.map((seen, at) => row(at === 0 ? 'one key floods' : 'one plugin floods', seen, seen.sent, seen.refused))],
  };
};

/** Small requests at a steady rate by a key of their own for as long as something takes. */
const whileOthersCall = async <T>(system: System, work: () => Promise<T>): Promise<Seen & T> => {
  const { key } = await system.post<{ key: string }>('/v1/keys', { name: `other-${Date.now()}`, role: 'ingress' });
  const bytes = RawPoster.bytes(`${system.url('router')}/v1/requests`, key, { target: 'twitch', kind: 'message', content: 'hello', deadlineMs: 20_000 });
  const idle: RawPoster[] = [];
  const seen: Seen = { ms: [], failed: 0, redisLost: 0 };
  const call = async () => {
    const poster = idle.pop() ?? new RawPoster(system.url('router'));
    const startedAt = performance.now();
    const { status, body } = await poster.post(bytes);
    seen.ms.push(performance.now() - startedAt);
    if (status !== 200) seen.failed++;
    if (body.includes('redis-unavailable')) seen.redisLost++;
    idle.push(poster);
  };
  let done = false;
  const working = work().finally(() => (done = true));
  while (!done) await openLoop(CALLS_A_SECOND, 1, call);
  const more = await working;
  idle.forEach((poster) => poster.close());
  return { ...seen, ...more };
};

const floodByKey = async (system: System) => {
  const { key } = await system.post<{ key: string }>('/v1/keys', { name: `flood-${Date.now()}`, role: 'ingress' });
  const flood = { sent: 0, refused: 0 };
  const bytes = RawPoster.bytes(`${system.url('router')}/v1/requests`, key, { target: 'twitch', kind: 'message', content: CONTENT, waitFor: 'acceptance' });
  const until = Date.now() + SECONDS * 1_000;
  await Promise.all(
    Array.from({ length: FLOODERS }, async () => {
      const poster = new RawPoster(system.url('router'));
      while (Date.now() < until) {
        flood.sent++;
        if ((await poster.post(bytes)).status !== 202) flood.refused++;
      }
      poster.close();
    }),
  );
  return flood;
};

const floodByPlugin = async (system: System) => {
  const { key } = await system.post<{ key: string }>('/v1/keys', { name: `start-${Date.now()}`, role: 'ingress' });
  const answer = await fetch(`${system.url('router')}/v1/requests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ target: PLUGIN, kind: 'message', content: String(SECONDS * 1_000), deadlineMs: Math.min(120_000, SECONDS * 1_000 + 20_000) }),
  });
  const { answer: counted, code = 'unknown' } = (await answer.json()) as { answer?: { sent: number; refused: number }; code?: string };
  // A process that floods the protocol is ended, and cannot say how often it tried.
  return counted ?? { sent: `its process was ended (${code})`, refused: '–' };
};

const writeFlooder = (folder: string) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: PLUGIN, version: '1.0.0', conductor: { apiVersion: 1, platforms: [PLUGIN], entry: 'index.cjs', requestTimeoutMs: 120_000 } }));
  writeFileSync(join(folder, 'index.cjs'), `
    const { definePlugin } = require('@conductor/platform-kit');
    class Flooder {
      async initialize(config, context) { this.context = context; }
      async healthCheck() { return { status: 'ok' }; }
      async shutdown() {}
      async handleRequest({ content }) {
        if (!/^\\d+$/.test(content)) return {};
        const until = Date.now() + Number(content);
        const flood = { sent: 0, refused: 0 };
        const one = async () => {
          while (Date.now() < until) {
            flood.sent++;
            await this.context.emit({ kind: 'message', target: 'twitch', content: 'x'.repeat(700000) }).catch(() => { flood.refused++; return new Promise((done) => setTimeout(done, 20)); });
          }
        };
        await Promise.all(Array.from({ length: ${FLOODERS} }, one));
        return flood;
      }
    }
    module.exports = definePlugin({ platforms: { ${PLUGIN}: { create: () => new Flooder() } } });`);
};

const useFlooder = async (system: System) => {
  await system.post('/v1/plugins/discover');
  const { integrity } = await system.get<{ integrity: string }>(`/v1/plugins/${PLUGIN}/inspection?version=1.0.0`);
  await system.post(`/v1/plugins/${PLUGIN}/approve`, { version: '1.0.0', integrity });
  await system.post(`/v1/plugins/${PLUGIN}/load`, { version: '1.0.0' });
  while ((await system.get<{ state: string }>(`/v1/plugins/${PLUGIN}`)).state !== 'running') await pause(100);
};

/** The most that each process, and Redis, takes. */
class Memory {
  private readonly most = new Map<string, number>();
  private readonly before = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private readonly redis: Redis;

  constructor(private readonly system: System) {
    this.redis = new Redis(system.redisUrl());
    for (const [name, mb] of this.now()) this.before.set(name, mb);
    this.timer = setInterval(() => void this.look(), 250);
  }

  end(): Result {
    clearInterval(this.timer);
    this.redis.disconnect();
    return {
      title: 'Memory meanwhile',
      note: 'Resident MB before, and the most while both floods went on; of Redis also what it holds (`used_memory`). Bounds: a process 512 MB, Redis 1,024 MB. Quotas (128 MB of a key or a plugin, 512 MB for a platform) and the ring of messages that are over (256 MB) make the one of Redis.',
      columns: ['process', 'before', 'most', 'bound', 'within'],
      rows: [...this.most].map(([name, mb]) => {
        const bound = name.startsWith('redis') ? 1_024 : 512;
        return [name, this.before.get(name) ?? '–', mb, bound, mb <= bound ? 'yes' : 'no'];
      }),
    };
  }

  private now(): Array<[string, number]> {
    return this.system.apps().flatMap((app): Array<[string, number]> => {
      try {
        return [[app, memoryOf(this.system.pid(app)).rssMb]];
      } catch {
        return [];
      }
    });
  }

  private async look() {
    const info = await this.redis.info('memory').catch(() => '');
    const held = Math.round(Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0) / 1_048_576);
    for (const [name, mb] of [...this.now(), ['redis (held)', held] as [string, number]]) this.most.set(name, Math.max(mb, this.most.get(name) ?? 0));
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
