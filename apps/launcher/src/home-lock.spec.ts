import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HomeLock } from './home-lock';
import { identityOf } from './process-facts';

describe('the lock of a home', () => {
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'home-lock-'))));
  afterEach(() => rmSync(home, { recursive: true }));
  const lockOf = (of: string) => new HomeLock(of, ['CONDUCTOR_PORT', 'ROUTER_PORT', 'PLUGIN_HOST_PORT']);
  const heldBy = (pid: number, identity = identityOf(pid)) => writeFileSync(join(home, 'launcher.pid'), JSON.stringify({ pid, identity }));

  it('refuses a second launcher and names the first', () => {
    heldBy(process.ppid);

    expect(() => lockOf(home).take()).toThrow(`already runs on ${home} (process ${process.ppid})`);
  });

  it('tells whoever is refused how to start one with a home and every port of its own', () => {
    heldBy(process.ppid);

    expect(() => lockOf(home).take()).toThrow('CONDUCTOR_HOME=.conductor-2 CONDUCTOR_PORT=4000 ROUTER_PORT=4001 PLUGIN_HOST_PORT=4002 npm start');
  });

  it.each([
    ['is gone', () => heldBy(999_999_999, 'whatever')],
    ['has given its number to another program', () => heldBy(process.ppid, '1 node launcher')],
    ['was this very number, as in a container started again', () => heldBy(process.pid)],
    ['was cut off while writing', () => writeFileSync(join(home, 'launcher.pid'), '{"pid":')],
  ])('is taken over when its holder %s', (_what, leave) => {
    leave();
    const lock = lockOf(home);
    lock.take();

    expect(lock.held).toBe(true);
  });

  it('can be taken again after it was released', () => {
    const lock = lockOf(home);
    lock.take();
    lock.release();

    expect(() => lockOf(home).take()).not.toThrow();
  });
});
