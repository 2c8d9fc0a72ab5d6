import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { System } from './support/system';

const MB = 1_048_576;

/** A disk of its own for the home, small enough to be filled. Only root may mount one; elsewhere there is none. */
const mountSmallDisk = (): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder]).status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
};

const fill = (file: string) => {
  const open = openSync(file, 'w');
  try {
    for (;;) writeSync(open, Buffer.alloc(MB));
  } catch {
    // Full.
  } finally {
    closeSync(open);
  }
};

it('a full disk is refused by name, costs no process but the one that is killed, and is over when there is room', async () => {
  const disk = mountSmallDisk();
  if (disk === undefined) return;
  const filler = join(disk, 'filler');
  const system = await System.start({ home: join(disk, 'home') });
  const send = () => system.send({ target: 'twitch', content: 'x'.repeat(500) });
  try {
    const others = () => Object.entries(system.run.apps).filter(([name]) => name !== 'redis').map(([name, { pid }]) => [name, pid]);
    const before = others();
    fill(filler);
    const statuses = new Set<number>();
    await until(async () => {
      const { status, body, headers } = await send();
      statuses.add(status);
      expect([status, body.code, Number(headers.get('retry-after')) > 0]).toEqual([503, 'redis-unavailable', true]);
      expect(body.detail).toContain('its disk is full');
    }, 20_000);
    const calls = await Promise.all([system.put('conductor', '/v1/routes/any', { match: { content: 'x' }, target: 'twitch' }), system.post('android', '/v1/devices', { user: 'ada', name: 'phone' }), system.post('conductor', '/v1/keys', { name: 'new', role: 'viewer' })]);
    for (const { status } of calls) statuses.add(status);
    expect([...statuses].filter((status) => status === 500)).toEqual([]);
    expect(JSON.stringify(await system.get('conductor', '/v1/status'))).toContain('its disk is full');

    const killed = system.kill('redis');
    await until(() => expect(system.command.output).toMatch(/redis was ended by SIGKILL; starting again/));
    rmSync(filler);

    await until(async () => expect((await send()).status).toBe(200), 30_000);
    await system.untilBack('redis', killed);
    await system.untilWell();
    expect(others()).toEqual(before);
  } finally {
    rmSync(filler, { force: true });
    await system.stop().finally(() => spawnSync('umount', ['-l', disk]));
    rmSync(disk, { recursive: true, force: true });
  }
}, 180_000);
