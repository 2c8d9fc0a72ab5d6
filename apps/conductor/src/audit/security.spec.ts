import { until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

const KEY = 'an-admin-key-for-the-audit';
const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };

it('the audit keeps log-ins and keys as a class of their own, each with the id of the key it was done with', async () => {
  const system = ConductorHarness.prepare({ CONDUCTOR_ADMIN_KEY: KEY, STARTUP_GIVE_UP_MS: '100' });
  const { url } = await system.start();
  await until(async () => expect((await fetch(`${url}/v1/status`, { headers })).status).toBe(200));
  const { id: admin } = (await (await fetch(`${url}/session`, { headers })).json()) as { id: string };
  const { id } = (await (await fetch(`${url}/v1/keys`, { method: 'POST', headers, body: JSON.stringify({ name: 'Ada', role: 'viewer' }) })).json()) as { id: string };
  await fetch(`${url}/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key: KEY }) });
  await fetch(`${url}/v1/routes/r`, { method: 'PUT', headers, body: JSON.stringify({ priority: 1, when: {}, to: 'brain' }) });
  await fetch(`${url}/v1/keys/${id}`, { method: 'DELETE', headers });

  await until(async () => {
    const { items } = (await (await fetch(`${url}/v1/audit?class=security`, { headers })).json()) as { items: Array<{ action: string; subject: string; keyId: string }> };
    expect(items.map(({ action, subject, keyId }) => [action, subject, keyId]).filter(([, , keyId]) => keyId !== undefined)).toEqual([['key.revoke', id, admin], ['session.open', admin, admin], ['key.create', id, admin]]);
  });
  expect(await (await fetch(`${url}/v1/audit/verify`, { headers })).json()).toMatchObject({ ok: true });
  await system.stop();
});
