import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Presence } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { readCgroupMemory, readPressure } from './cgroup';
import { memoryAgainstWall } from './memory-wall';
import { readProcessTree } from './process-tree';
import { Rates } from './rates';
import { Units } from './units';

const MB = 1_048_576;
let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'cgroup-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A file system as a container sees it. */
const files = (contents: Record<string, string>) => {
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
};
const V2 = { 'proc/self/mountinfo': '30 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n' };
const V1 = {
  'proc/self/mountinfo': '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n36 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n',
};

describe('the limit of a container', () => {
  it('is read from cgroup version 2, without the file cache that the kernel would give back, and with its own pressure', async () => {
    files({ ...V2, 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': `${512 * MB}\n`, 'sys/fs/cgroup/memory.current': `${300 * MB}\n`, 'sys/fs/cgroup/memory.stat': `anon 1\ninactive_file ${90 * MB}\nslab_reclaimable ${10 * MB}\nslab_unreclaimable ${20 * MB}\n`, 'sys/fs/cgroup/memory.pressure': 'some avg10=9.00\nfull avg10=4.50 avg60=1.00 avg300=0.00 total=1\n' });

    expect(await readCgroupMemory(root)).toEqual({ version: 2, limitMb: 512, usedMb: 200, pressurePercent: 4.5 });
  });

  it('is the tightest on the way up, also where it is set on a group above', async () => {
    files({
      ...V2,
      'proc/self/cgroup': '0::/pod/app\n',
      'sys/fs/cgroup/pod/app/memory.max': 'max\n', 'sys/fs/cgroup/pod/app/memory.current': `${10 * MB}\n`,
      'sys/fs/cgroup/pod/memory.max': `${256 * MB}\n`, 'sys/fs/cgroup/pod/memory.current': `${200 * MB}\n`,
    });

    expect(await readCgroupMemory(root)).toEqual({ version: 2, limitMb: 256, usedMb: 200 });
  });

  it('is read from cgroup version 1, also where the group’s own path is not there', async () => {
    files({ ...V1, 'proc/self/cgroup': '5:cpu:/docker/abc\n4:memory:/docker/abc\n', 'sys/fs/cgroup/memory/memory.limit_in_bytes': `${128 * MB}`, 'sys/fs/cgroup/memory/memory.usage_in_bytes': `${64 * MB}`, 'sys/fs/cgroup/memory/memory.stat': `total_inactive_file ${4 * MB}\n` });

    expect(await readCgroupMemory(root)).toEqual({ version: 1, limitMb: 128, usedMb: 60 });
  });

  it('is none where nobody set one, or there are no groups', async () => {
    files({ ...V1, 'proc/self/cgroup': '4:memory:/\n', 'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712', 'sys/fs/cgroup/memory/memory.usage_in_bytes': '5' });

    expect(await readCgroupMemory(root)).toBeUndefined();
    expect(await readCgroupMemory(join(root, 'nothing'))).toBeUndefined();
    expect(await readPressure(join(root, 'nothing'))).toBeUndefined();
  });
});

describe('the wall', () => {
  const limited = { version: 2 as const, limitMb: 512, usedMb: 200 };

  it('is the budget where one is set, then the container’s limit, then the machine', () => {
    expect(memoryAgainstWall({ memoryWall: 'auto', memoryBudgetMb: 3_000 }, limited, 1_000)).toEqual({ wall: 'budget', budgetMb: 3_000, usedMb: 1_000 });
    expect(memoryAgainstWall({ memoryWall: 'auto' }, limited, 1_000)).toEqual({ wall: 'cgroup', budgetMb: 512, usedMb: 200 });
    expect(memoryAgainstWall({ memoryWall: 'auto' }, undefined, 1_000)).toMatchObject({ wall: 'host', budgetMb: Math.round(totalmem() / MB) });
    expect(memoryAgainstWall({ memoryWall: 'host', memoryBudgetMb: 3_000 }, limited, 1_000)).toMatchObject({ wall: 'host' });
  });

  it('is not known when what is measured against it is not', () => {
    expect(memoryAgainstWall({ memoryWall: 'auto', memoryBudgetMb: 3_000 }, undefined, undefined)).toBeUndefined();
    expect(memoryAgainstWall({ memoryWall: 'cgroup' }, undefined, 5)).toBeUndefined();
  });
});

describe('memory of a process', () => {
  it('is that of all that it started, each counted once, and nothing when it is gone', async () => {
    const parent = spawn(process.execPath, ['-e', `const c = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']); process.on('exit', () => c.kill('SIGKILL')); process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1000)`], { env: {} });
    try {
      const alone = (await readProcessTree([process.pid])).of(process.pid)!.rssMb;
      // One Node takes some 40 MB.
      await until(async () => expect((await readProcessTree([parent.pid!])).of(parent.pid!)!.rssMb).toBeGreaterThan(60));
      const tree = await readProcessTree([process.pid, parent.pid!]);
      expect(tree.of(process.pid)!.rssMb).toBeGreaterThan(alone * 0.5 + 60);
      expect(tree.totalMb([process.pid, parent.pid!])).toBeCloseTo(tree.of(process.pid)!.rssMb, 5);
    } finally {
      parent.kill();
    }
    await until(async () => expect((await readProcessTree([parent.pid!])).of(parent.pid!)).toBeUndefined());
    expect((await readProcessTree([])).totalMb([])).toBeUndefined();
  });
});

const presence = (instance: string, at: number, requests: number, more: Partial<Presence> = {}): Presence => ({
  platform: 'discord', instance, pid: 1, host: 'h', app: 'discord', startedAt: 0, at, lifecycle: 'ready', concurrency: 10, inFlight: 0, rssMb: 100, requests, errors: 0, ...more,
});

describe('rates', () => {
  it('come from totals, over all instances', () => {
    const rates = new Rates();
    expect(rates.of([presence('a', 1_000, 10), presence('b', 1_000, 0)], 1_000).get('discord')).toBeUndefined();

    expect(rates.of([presence('a', 6_000, 60, { errors: 5 }), presence('b', 6_000, 10)], 6_000).get('discord')).toEqual({ requestsPerSecond: 12, errorRate: 5 / 60 });
  });

  it('cannot be told when a counter began anew, and can the next time', () => {
    const rates = new Rates();
    rates.of([presence('a', 1_000, 100)], 1_000);

    expect(rates.of([presence('a', 6_000, 3)], 6_000).get('discord')).toBeUndefined();
    expect(rates.of([presence('a', 11_000, 13)], 11_000).get('discord')).toEqual({ requestsPerSecond: 2, errorRate: 0 });
  });

  it('count an instance that is new from its start', () => {
    const rates = new Rates();
    rates.of([presence('a', 1_000, 100)], 1_000);

    expect(rates.of([presence('a', 6_000, 105), presence('b', 6_000, 8, { startedAt: 2_000 })], 6_000).get('discord')).toEqual({ requestsPerSecond: 3, errorRate: 0 });
  });
});

describe('units', () => {
  const at = (platform: string, pid: number, app = 'stubs') => presence(platform, 1, 0, { platform, pid, app });

  it('are platforms that share a process, named after their app; one alone is named after itself', () => {
    expect(Object.fromEntries(new Units().of([at('minecraft', 1), at('twitch', 1), at('voice', 2, 'voice')]))).toEqual({ minecraft: 'stubs', twitch: 'stubs', voice: 'voice' });
  });

  it('stay one while their process restarts and only some are back', () => {
    const units = new Units();
    units.of([at('minecraft', 1), at('twitch', 1)]);

    expect(Object.fromEntries(units.of([at('minecraft', 2)]))).toEqual({ minecraft: 'stubs', twitch: 'stubs' });
    expect(Object.fromEntries(units.of([]))).toEqual({ minecraft: 'stubs', twitch: 'stubs' });
  });

  it('part when they are seen in processes of their own', () => {
    const units = new Units();
    units.of([at('minecraft', 1), at('twitch', 1)]);

    expect(Object.fromEntries(units.of([at('minecraft', 2), at('twitch', 3)]))).toEqual({ minecraft: 'minecraft', twitch: 'twitch' });
  });
});
