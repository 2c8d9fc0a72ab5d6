import { until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

let system: ConductorHarness;
let url: string;
let cookie: string;

beforeAll(async () => {
  system = ConductorHarness.prepare({ CONDUCTOR_ADMIN_KEY: 'an-admin-key-for-the-queues', STARTUP_GIVE_UP_MS: '100', TRUSTED_PROXIES: '127.0.0.1' });
  ({ url } = await system.start());
  await until(async () => {
    const login = await fetch(`${url}/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key: 'an-admin-key-for-the-queues' }) });
    expect(login.status).toBe(200);
    cookie = login.headers.get('set-cookie')!.split(';')[0]!;
  });
});
afterAll(() => system.stop());

describe('the page of the queues', () => {
  it.each(['', '/conductor', '/a/b'])('asks nobody else for anything, and finds all that it needs under "%s"', async (prefix) => {
    const headers = { cookie, accept: 'text/html', 'x-forwarded-prefix': prefix };
    const page = await (await fetch(`${url}/queues/queue/inbound`, { headers })).text();
    const base = /<base href="([^"]*)"/.exec(page)?.[1];
    const parts = [...page.matchAll(/<(?:script|link)\b[^>]*\b(?:src|href)="([^"]+)"/g)].map(([, part]) => new URL(part!, `http://home.example${base}`));

    expect(base).toBe(`${prefix}/queues/`);
    expect(parts.length).toBeGreaterThan(4);
    for (const part of parts) {
      expect([part.host, part.pathname]).toEqual(['home.example', expect.stringMatching(new RegExp(`^${prefix}/queues/`))]);
      expect([part.pathname, (await fetch(url + part.pathname.slice(prefix.length), { headers })).status]).toEqual([part.pathname, 200]);
    }
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });
});
