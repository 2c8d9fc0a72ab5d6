import { connect } from 'node:net';
import { hashKey } from '@conductor/http';
import { until } from '@conductor/testing';
import type { Tokens } from './devices/sessions';
import { AndroidStage } from './testing/stage';

let stage: AndroidStage;

beforeAll(async () => {
  stage = await AndroidStage.open({ loginFrameMs: 400, accessTokenMs: 2_500 });
});
afterAll(() => stage.close());

let users = 0;
const newUser = () => `user-${++users}`;
const works = async ({ accessToken }: Tokens) => (await stage.call('GET', '/v1/messages', { key: accessToken })).status === 200;

describe('devices', () => {
  it('are made by operators, and their key is shown once', async () => {
    const user = newUser();
    const created = await stage.asOperator('POST', '/v1/devices', { user, name: 'telephone' });
    const { body } = await stage.asOperator<{ items: object[] }>('GET', `/v1/devices?user=${user}`);

    expect(created).toMatchObject({ status: 201, body: { user, name: 'telephone', deviceId: expect.any(String), deviceKey: expect.any(String) } });
    expect(body.items).toEqual([{ deviceId: created.body['deviceId'], user, name: 'telephone', createdAt: expect.any(Number) }]);
    expect((await stage.call('POST', '/v1/devices', { body: { user } })).status).toBe(401);
  });

  it('that are removed lose their tokens and their sockets', async () => {
    const phone = await stage.phone(newUser());
    const line = await stage.line(phone);

    expect((await stage.asOperator('DELETE', `/v1/devices/${phone.deviceId}`)).status).toBe(204);

    expect((await line.closes()).code).toBe(4401);
    expect(await works(phone)).toBe(false);
    expect((await stage.call('POST', '/v1/refresh', { body: { refreshToken: phone.refreshToken } })).status).toBe(401);
    expect((await stage.asOperator('DELETE', `/v1/devices/${phone.deviceId}`)).status).toBe(404);
  });

  it('keep no secret in the store', async () => {
    const device = await stage.device(newUser());
    const { body } = await stage.login(device);
    const { commands } = stage.router.context.connections;
    const keys = await commands.keys(`${stage.config.namespace}:storage:*`);
    const all = JSON.stringify([keys, await Promise.all(keys.map(async (key) => ((await commands.type(key)) === 'string' ? commands.get(key) : '')))]);

    for (const secret of [device.deviceKey, body.accessToken, body.refreshToken]) expect(all).not.toContain(secret);
  });
});

describe('a login', () => {
  it('gives tokens that work', async () => {
    const device = await stage.device('ada');

    const { status, body } = await stage.login(device);

    expect(status).toBe(200);
    expect(body).toEqual({ accessToken: expect.any(String), refreshToken: expect.any(String), expiresInSeconds: 2.5, user: 'ada', deviceId: device.deviceId });
    expect(await works(body)).toBe(true);
  });

  it('that fails five times locks wrong keys of the device out, and never the right one', async () => {
    const [device, other] = [await stage.device(newUser()), await stage.device(newUser())];
    const wrong = { ...device, deviceKey: 'wrong' };

    const failed = [];
    for (let n = 0; n < 5; n++) failed.push((await stage.login(wrong)).status);
    const locked = await stage.login(wrong);

    expect(failed).toEqual([401, 401, 401, 401, 401]);
    expect(locked).toMatchObject({ status: 429, body: { code: 'locked-out' } });
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(890);
    expect((await stage.login(other)).status).toBe(200);
    expect((await stage.login(device)).status).toBe(200);
  });

  it('of hundreds of devices that nobody registered leaves nothing in the store, and a right one is not put off', async () => {
    const device = await stage.device(newUser());
    const { commands } = stage.router.context.connections;
    const begin = performance.now();
    await hashKey('as long as one takes');
    const oneHash = performance.now() - begin;

    const start = performance.now();
    const invented = Array.from({ length: 300 }, (_, n) => stage.login({ deviceId: `dev-${n.toString(16).padStart(16, '0')}`, deviceKey: 'x' }));
    const right = await stage.login(device);
    const statuses = (await Promise.all(invented)).map(({ status }) => status);

    expect(right.status).toBe(200);
    expect(new Set(statuses)).toEqual(new Set([401]));
    // Far less than it takes to hash as many on two threads.
    expect(performance.now() - start).toBeLessThan((300 * oneHash) / 2);
    expect(await commands.keys(`${stage.config.namespace}:*dev-000000*`)).toEqual([]);
  });

  it('is still possible with a key that an older version has stored', async () => {
    const device = await stage.device(newUser());
    const { commands } = stage.router.context.connections;
    const [key] = await commands.keys(`${stage.config.namespace}:storage:*device:${device.deviceId}`);
    const stored = JSON.parse((await commands.get(key!))!) as { key: { tag?: string } };
    delete stored.key.tag;
    await commands.set(key!, JSON.stringify(stored));

    expect((await stage.login({ ...device, deviceKey: 'wrong' })).status).toBe(401);
    expect((await stage.login(device)).status).toBe(200);
    expect((await stage.login({ ...device, deviceKey: 'wrong' })).status).toBe(401);
  });

  it('lets no more guesses through when they come at the same time', async () => {
    const device = await stage.device(newUser());

    const replies = await Promise.all(Array.from({ length: 12 }, () => stage.login({ ...device, deviceKey: 'wrong' })));

    expect(replies.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(7);
  });

  it('that succeeds forgets the failures before', async () => {
    const device = await stage.device(newUser());
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 4; n++) await stage.login({ ...device, deviceKey: 'wrong' });
      expect((await stage.login(device)).status).toBe(200);
    }
  });

  it('of a device that does not exist fails like any other', async () => {
    expect((await stage.login({ deviceId: 'dev-0123456789abcdef', deviceKey: 'x' })).body).toMatchObject({ code: 'unauthenticated' });
  });
});

describe('a refresh token', () => {
  const refresh = (refreshToken: string) => stage.call<Tokens>('POST', '/v1/refresh', { body: { refreshToken } });

  it('gives new tokens', async () => {
    const phone = await stage.phone(newUser());

    const { status, body } = await refresh(phone.refreshToken);

    expect(status).toBe(200);
    expect(body.refreshToken).not.toBe(phone.refreshToken);
    expect(await works(body)).toBe(true);
    expect((await refresh(body.refreshToken)).status).toBe(200);
  });

  it('that comes a second time ends the session, with all its tokens and sockets', async () => {
    const phone = await stage.phone(newUser());
    const { body: renewed } = await refresh(phone.refreshToken);
    const line = await stage.line(renewed);

    expect((await refresh(phone.refreshToken)).status).toBe(401);

    expect((await line.closes()).code).toBe(4401);
    expect(await works(renewed)).toBe(false);
    expect((await refresh(renewed.refreshToken)).status).toBe(401);
  });

  it('is spent once, however many ask at the same time', async () => {
    const phone = await stage.phone(newUser());

    const replies = await Promise.all(Array.from({ length: 6 }, () => refresh(phone.refreshToken)));

    expect(replies.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  it('is void after a logout', async () => {
    const phone = await stage.phone(newUser());

    expect((await stage.call('POST', '/v1/logout', { key: phone.accessToken })).status).toBe(204);

    expect(await works(phone)).toBe(false);
    expect((await refresh(phone.refreshToken)).status).toBe(401);
  });
});

describe('a socket', () => {
  it.each(['//', '/v1/elsewhere', 'http://[', '*'])('is refused at %s, which is not its address, and the app goes on', async (path) => {
    const { port } = new URL(stage.app.url);
    const line = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    line.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
    const answer = (await line.toArray()).join('');

    expect(answer).toMatch(/^HTTP\/1.1 404 /);
    expect((await fetch(`${stage.app.url}/health/live`)).status).toBe(200);
  });

  it('is told to those who ask for it as for a page', async () => {
    const answer = await fetch(`${stage.app.url}/v1/socket`);

    expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toEqual([426, 'application/problem+json', expect.objectContaining({ code: 'upgrade-required', detail: expect.stringMatching(/WebSocket/) })]);
  });

  it('is authorised by header, by subprotocol or by its first frame', async () => {
    const { accessToken, deviceId, user } = await stage.phone(newUser());
    const byFrame = await stage.dial().opened();
    byFrame.say({ type: 'login', accessToken });

    for (const line of [byFrame, stage.dial({ headers: { authorization: `Bearer ${accessToken}` } }), stage.dial({ protocols: ['bearer', accessToken] })]) {
      expect(await line.next('ready')).toEqual({ type: 'ready', user, deviceId, position: 0 });
    }
  });

  it.each([
    ['shows a wrong token', { headers: { authorization: 'Bearer acc_wrong' } }, undefined],
    ['logs in with a wrong token', {}, { type: 'login', accessToken: 'acc_wrong' }],
    ['sends something before it logs in', {}, { type: 'typing' }],
    ['says nothing', {}, undefined],
  ])('that %s is closed with 4401', async (_, options, frame) => {
    const line = stage.dial(options);
    if (frame) (await line.opened()).say(frame);

    expect((await line.closes()).code).toBe(4401);
  });

  it('is closed with 4401 when its token ends', async () => {
    const line = await stage.line(await stage.phone(newUser()));

    expect(await line.closes()).toEqual({ code: 4401, reason: 'the access token has ended' });
  });

  it('goes on beyond the end of its token when the phone shows a new one', async () => {
    let tokens = await stage.phone(newUser());
    const [line, forgetful] = [await stage.line(tokens), await stage.line(tokens)];

    await until(async () => {
      tokens = (await stage.call<Tokens>('POST', '/v1/refresh', { body: { refreshToken: tokens.refreshToken } })).body;
      line.say({ type: 'login', accessToken: tokens.accessToken });
      expect(forgetful.closed).toBeDefined();
    });
    line.say({ type: 'ping' });

    await line.next('pong');
    expect(line.closed).toBeUndefined();
  });

  it('is refused to pages of other sites, at other paths and with wrong positions', async () => {
    const refused = [
      stage.dial({ headers: { origin: 'https://elsewhere.example' } }),
      stage.dial({ query: '/more' }),
      stage.dial({ query: '?after=yesterday' }),
    ];
    for (const [n, status] of [403, 404, 400].entries()) await until(() => expect(refused[n]!.refusedWith).toBe(status));

    const own = stage.dial({ headers: { origin: stage.app.url } });
    await own.opened();
  });

  it('answers a ping, and says what is wrong with a frame', async () => {
    const line = await stage.line(await stage.phone(newUser()));

    line.say({ type: 'ping' });
    line.say('not JSON');
    line.say({ type: 'dance' });
    line.say({ type: 'message', content: '' });

    await line.next('pong');
    await until(() => expect(line.of('rejected').map(({ code }) => code)).toEqual(['invalid-request', 'invalid-request', 'invalid-request']));
  });

  it('is closed with 1009 after a frame of more than 64 KiB', async () => {
    const line = await stage.line(await stage.phone(newUser()));

    line.say({ type: 'message', content: 'x'.repeat(64 * 1024) });

    expect((await line.closes()).code).toBe(1009);
  });
});

describe('where a handshake comes from', () => {
  let behind: AndroidStage;
  let token: string;
  beforeAll(async () => {
    behind = await AndroidStage.open({}, { CONDUCTOR_ALLOWED_HOSTS: 'bot.example.org', CONDUCTOR_ALLOWED_ORIGINS: 'https://localhost, capacitor://localhost, https://app.example.org', TRUSTED_PROXIES: '192.0.2.1' });
    token = (await behind.phone(newUser())).accessToken;
  });
  afterAll(() => behind.close());
  const dial = (headers: Record<string, string>) => behind.dial({ headers: { authorization: `Bearer ${token}`, ...headers } });

  it.each([
    ['a native app', {}],
    ['a hybrid app', { origin: 'https://localhost' }],
    ['another hybrid app', { origin: 'capacitor://localhost' }],
    ['a listed page while the proxy says its own host', { origin: 'https://app.example.org', host: '127.0.0.1:3002' }],
    ['a page of the same host in other letters', { origin: 'http://localhost:3002', host: 'LOCALHOST:3002' }],
    ['a page of the same host with its usual port', { origin: 'https://bot.example.org', host: 'bot.example.org:443' }],
    ['a page of the same host by HTTP with its usual port', { origin: 'http://bot.example.org', host: 'bot.example.org:80' }],
    ['a page of the same host that names the usual port itself', { origin: 'https://bot.example.org:443', host: 'bot.example.org' }],
  ])('lets %s in', async (_, headers) => void (await dial(headers).next('ready')));

  it.each<[string, Record<string, string>, number]>([
    ['a foreign page', { origin: 'https://evil.example' }, 403],
    ['a page that hides its origin', { origin: 'null' }, 403],
    ['a page of the same host at another port', { origin: 'https://bot.example.org:8443', host: 'bot.example.org' }, 403],
    ['a page of the same name by another scheme and its usual port', { origin: 'http://bot.example.org', host: 'bot.example.org:443' }, 403],
    ['a page that only looks listed', { origin: 'https://localhost.evil.example' }, 403],
    ['a page whose name was led here', { origin: 'http://evil.example:3002', host: 'evil.example:3002' }, 421],
    ['a stranger who says he is a proxy', { origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' }, 403],
  ])('keeps %s out', async (_, headers, status) => {
    const line = dial(headers);

    await until(() => expect(line.refusedWith).toBe(status));
  });

  it('is asked for by a log-in from a hybrid app, too', async () => {
    const asked = await fetch(`${behind.app.url}/v1/login`, { method: 'OPTIONS', headers: { origin: 'https://localhost', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
    const device = await behind.device(newUser());
    const login = await fetch(`${behind.app.url}/v1/login`, { method: 'POST', headers: { origin: 'https://localhost', 'content-type': 'application/json' }, body: JSON.stringify({ deviceId: device.deviceId, deviceKey: device.deviceKey }) });

    expect([asked.status, asked.headers.get('access-control-allow-headers')]).toEqual([204, 'content-type']);
    expect([login.status, login.headers.get('access-control-allow-origin')]).toEqual([200, 'https://localhost']);
  });
});
