import { Controller, Get, Module, Post } from '@nestjs/common';
import { Allow, Caller } from './access';
import { TestApp } from './door.fixture';
import { localPath } from './local-path';

@Controller('board')
class Board {
  @Get() @Allow('operator') read(@Caller() caller: Caller) {
    return caller;
  }
  @Post() change() {}
}
@Module({ controllers: [Board] })
class BoardModule {}

const form = (fields: Record<string, string>, headers: Record<string, string> = {}) => ({ method: 'POST', body: new URLSearchParams(fields), headers });

describe('a session', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await TestApp.start(BoardModule, { sessions: true });
    key = await app.keyOf('operator');
  });
  afterAll(() => app.end());

  const logIn = async (): Promise<string> => {
    const answer = await app.fetch('/session', { json: { key } });
    return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  };

  it('is opened with a key and gives a cookie that scripts cannot read and other sites cannot send', async () => {
    const answer = await app.fetch('/session', { json: { key } });

    expect(await answer.json()).toMatchObject({ name: 'a operator', role: 'operator' });
    expect(answer.headers.get('set-cookie')).toMatch(/^conductor_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  });

  it('acts with the role of its key', async () => {
    const cookie = await logIn();

    expect(await (await app.fetch('/board', { headers: { cookie } })).json()).toMatchObject({ role: 'operator' });
    expect(await (await app.fetch('/session', { headers: { cookie: `a=b; ${cookie}; c=d` } })).json()).toMatchObject({ name: 'a operator' });
  });

  it.each<[what: string, headers: Record<string, string>, status: number]>([
    ['from a page of this door', { 'sec-fetch-site': 'same-origin' }, 201],
    ['from a page of this door in an old browser', { origin: 'SELF' }, 201],
    ['from another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
    ['from a neighbour on the same site', { 'sec-fetch-site': 'same-site' }, 403],
    ['from another port in an old browser', { origin: 'http://127.0.0.1:1' }, 403],
    ['from a page that hides its origin', { origin: 'null' }, 403],
    ['that does not say from where', {}, 403],
  ])('lets a change %s come to %#', async (_what, headers, status) => {
    const cookie = await logIn();
    const answer = await app.fetch('/board', { method: 'POST', headers: { cookie, ...headers, ...(headers['origin'] === 'SELF' && { origin: app.running.url }) } });

    expect(answer.status).toBe(status);
  });

  it('ends when it is closed', async () => {
    const cookie = await logIn();
    const closed = await app.fetch('/session', { method: 'DELETE', headers: { cookie, 'sec-fetch-site': 'same-origin' } });

    expect([closed.status, closed.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect((await app.fetch('/board', { headers: { cookie } })).status).toBe(401);
  });

  it('ends with its key', async () => {
    const { id, key: short } = await app.keys.create({ name: 'short', role: 'operator' });
    const cookie = (await app.fetch('/session', { json: { key: short } })).headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await app.fetch('/board', { headers: { cookie } })).status).toBe(200);
    await app.keys.revoke(id);

    expect((await app.fetch('/board', { headers: { cookie } })).status).toBe(401);
  });

  it('is not opened for a wrong key, nor by a page of another site', async () => {
    expect((await app.fetch('/session', { json: { key: 'a-key-that-nobody-has' } })).status).toBe(401);
    expect((await app.fetch('/session', form({ key }, { 'sec-fetch-site': 'cross-site' }))).status).toBe(403);
  });

  it('begins for people at a page that needs no script and leads back to where they came from', async () => {
    const sentAway = await app.fetch('/board?tab=1', { headers: { accept: 'text/html,*/*' } });
    expect([sentAway.status, sentAway.headers.get('location')]).toEqual([303, '/login?next=%2Fboard%3Ftab%3D1']);

    const page = await app.fetch(sentAway.headers.get('location') ?? '');
    const html = await page.text();
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(html).toContain('name="next" value="/board?tab=1"');
    expect(html).not.toContain('<script');

    const loggedIn = await app.fetch('/session', form({ key, next: '/board?tab=1' }, { 'sec-fetch-site': 'same-origin' }));
    expect([loggedIn.status, loggedIn.headers.get('location'), loggedIn.headers.get('set-cookie')]).toEqual([303, '/board?tab=1', expect.stringContaining('conductor_session=')]);
  });

  it('shows the page again with the reason when the key is wrong, and never the key', async () => {
    const answer = await app.fetch('/session', form({ key: 'wrong-key-"><script>', next: '/board' }));
    const html = await answer.text();

    expect([answer.status, html]).toEqual([401, expect.stringContaining('This key is not known')]);
    expect(html).not.toContain('wrong-key');
  });

  it.each([
    ['/queues/a?b=c', '/queues/a?b=c'],
    ['//evil.example/x', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/\t/evil.example', '/'],
    [undefined, '/'],
  ])('never leads from %p to another place than %p', (next, path) => expect(localPath(next)).toBe(path));

  it('does not exist where an app has none', async () => {
    const plain = await TestApp.start(BoardModule);

    expect((await plain.fetch('/login')).status).toBe(404);
    expect((await plain.fetch('/board', { headers: { cookie: await logIn() } })).status).toBe(401);
    await plain.end();
  });
});
