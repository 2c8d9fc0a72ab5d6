import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { SystemStatus } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

interface Made {
  id: string;
  key: string;
  items: Array<{ id: string; name: string }>;
}

let system: ConductorHarness;
beforeEach(async () => {
  system = ConductorHarness.prepare({ STARTUP_GIVE_UP_MS: '100' });
  await system.start();
  await system.open();
});
afterEach(() => system.stop());

const make = async (role: string, more: object = {}) => (await system.call<Made>('POST', '/v1/keys', { name: `a ${role}`, role, ...more })).body;
const statusWith = async (key: string, conductor = 0) => (await system.call('GET', '/v1/status', undefined, { key, conductor })).status;
const audited = async (key: string, conductor = 0) => {
  const { status, body } = await system.call<{ items: Array<{ action: string; subject: string; actor: string; after?: unknown }> }>('GET', '/v1/audit?limit=100', undefined, { key, conductor });
  expect([status, body.detail]).toEqual([200, undefined]);
  return body.items;
};

describe('a revoked key', () => {
  it('stays revoked though start-up finds it in the file, and what start-up registers is audited', async () => {
    const admin = await make('admin');
    const first = (await readFile(join(system.config.home, 'admin-key'), 'utf8')).trim();
    const { items } = (await system.call<Made>('GET', '/v1/keys', undefined, { key: admin.key })).body;
    const { id } = items.find(({ name }) => name === 'admin')!;
    expect((await system.call('DELETE', `/v1/keys/${id}`, undefined, { key: admin.key })).status).toBe(200);
    expect(await statusWith(first)).toBe(401);
    expect(await audited(admin.key)).toContainEqual(expect.objectContaining({ action: 'key.create', subject: id, actor: 'conductor' }));

    await system.conductors.shift()!.stop();
    await system.start();
    await until(async () => expect((await fetch(`${system.conductors[0]!.url}/health/ready`)).status).toBe(200));

    expect([await statusWith(first), await statusWith(admin.key)]).toEqual([401, 200]);
  });

  it('ends the event streams that it had opened, and those of its log-ins; others go on', async () => {
    const [doomed, other] = [await make('viewer'), await make('viewer')];
    const login = await fetch(`${system.conductors[0]!.url}/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key: doomed.key }) });
    const cookie = login.headers.get('set-cookie')!.split(';')[0]!;
    const open = (headers: Record<string, string>) => {
      const stream = { status: 0, ended: false };
      request(`${system.conductors[0]!.url}/v1/events`, { headers }, (response) => {
        stream.status = response.statusCode!;
        response.resume().on('close', () => (stream.ended = true));
      }).on('error', () => (stream.ended = true)).end();
      return stream;
    };
    const streams = [open({ authorization: `Bearer ${doomed.key}` }), open({ cookie }), open({ authorization: `Bearer ${other.key}` })];
    await until(() => expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]));

    await system.call('DELETE', `/v1/keys/${doomed.id}`);

    await until(() => expect(streams.map(({ ended }) => ended)).toEqual([true, true, false]));
  });
});

it('a key has a bounded number of event streams', async () => {
  const { key } = await make('viewer');
  const gone = new AbortController();
  const statuses: number[] = [];
  for (let n = 0; n < 51; n++) statuses.push((await fetch(`${system.conductors[0]!.url}/v1/events`, { headers: { authorization: `Bearer ${key}` }, signal: gone.signal })).status);
  gone.abort();

  expect(statuses).toEqual([...Array<number>(50).fill(200), 429]);
});

it('a key may be allowed sources, of programs only', async () => {
  expect((await system.call('POST', '/v1/keys', { name: 'shop', role: 'ingress', sources: ['web-shop'] })).body).toMatchObject({ sources: ['web-shop'] });
  for (const name of ['android', 'brain', 'conductor', 'twitch']) expect((await system.call('POST', '/v1/keys', { name: 'shop', role: 'ingress', sources: [name] })).status).toBe(400);
});

describe('when Redis was emptied', () => {
  it('the key in the file works again by itself, status and audit say what happened, and revoked keys stay revoked', async () => {
    const key = (await readFile(join(system.config.home, 'admin-key'), 'utf8')).trim();
    const [doomed, lost] = [await make('viewer'), await make('viewer')];
    await system.call('DELETE', `/v1/keys/${doomed.id}`);
    const { connections } = system.conductors[0]!.context;
    const all = await connections.commands.keys(`*${connections.namespace}*`);
    await connections.commands.del(...all);

    await until(async () => {
      const { status, body } = await system.call<SystemStatus>('GET', '/v1/status', undefined, { key });
      expect([status, body.components?.find(({ name }) => name === 'redis')]).toMatchObject([200, { state: 'degraded', reason: expect.stringContaining('was emptied') }]);
    }, 15_000);
    await until(async () => expect((await audited(key)).map(({ action }) => action)).toEqual(expect.arrayContaining(['store.emptied', 'key.register'])));
    expect([await statusWith(key), await statusWith(lost.key)]).toEqual([200, 401]);
    expect(Object.keys(await connections.commands.hgetall(`${connections.namespace}:revoked-keys`))).toEqual([doomed.id]);
  });
});
