import { Controller, Delete, Get, Module, Post } from '@nestjs/common';
import { Allow, Caller, Public } from './access';
import { TestApp } from './door.fixture';
import { bucketOf, digestOf, isKeyOf } from './key-hash';
import type { Role } from './roles';

@Controller('plain')
class Plain {
  @Get() read(@Caller() caller: Caller) {
    return caller;
  }
  @Post() change() {}
  @Get('open') @Public() open() {}
  @Post('messages') @Allow('ingress') send() {}
  @Get('messages') @Allow('viewer', 'ingress') trail() {}
}
@Controller('keys')
@Allow('admin')
class Guarded {
  @Get() list() {}
  @Delete() @Allow('operator') remove() {}
}
@Module({ controllers: [Plain, Guarded] })
class AccessModule {}

describe('a role', () => {
  let app: TestApp;
  const keys: Partial<Record<Role, string>> = {};
  beforeAll(async () => {
    app = await TestApp.start(AccessModule, {
      configure: async (nest) => {
        await (nest.getHttpAdapter().getInstance()).register(async (plugin) => {
          plugin.setErrorHandler((_error, _request, reply) => reply.code(500).send('the plugin knows better'));
          plugin.post('/plugin', () => 'done');
        });
      },
    });
    for (const role of ['viewer', 'operator', 'admin', 'ingress'] as const) keys[role] = await app.keyOf(role);
  });
  afterAll(() => app.end());

  const everyone = ['nobody', 'ingress', 'viewer', 'operator', 'admin'] as const;
  it.each<[what: string, method: string, path: string, may: readonly string[]]>([
    ['reads without a decorator', 'GET', '/plain', ['viewer', 'operator', 'admin']],
    ['changes without a decorator', 'POST', '/plain', ['operator', 'admin']],
    ['reads what is public', 'GET', '/plain/open', everyone],
    ['sends messages', 'POST', '/plain/messages', ['ingress', 'operator', 'admin']],
    ['reads what became of messages', 'GET', '/plain/messages', ['ingress', 'viewer', 'operator', 'admin']],
    ['reads what a whole controller keeps for admins', 'GET', '/keys', ['admin']],
    ['does what one handler of that controller opens', 'DELETE', '/keys', ['operator', 'admin']],
    ['uses a route of a plugin', 'POST', '/plugin', ['operator', 'admin']],
    ['sees health', 'GET', '/health/ready', everyone],
    ['asks for the headers only', 'HEAD', '/plain', ['viewer', 'operator', 'admin']],
  ])('that %s', async (_what, method, path, may) => {
    for (const role of everyone) {
      const answer = await app.fetch(path, { method, ...(role !== 'nobody' && { key: keys[role]! }) });
      const expected = may.includes(role) ? 'in' : role === 'nobody' ? 401 : 403;
      expect({ role, result: answer.status < 300 ? 'in' : answer.status }).toEqual({ role, result: expected });
      if (answer.status > 400) expect(answer.headers.get('content-type')).toBe('application/problem+json');
      if (answer.status === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('is known to the handler together with the name of its key', async () => {
    expect(await (await app.fetch('/plain', { key: keys.viewer! })).json()).toEqual({ id: expect.stringMatching(/^key-/), name: 'a viewer', role: 'viewer' });
  });

  it.each(['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer a b', ''])('is not given for the header "Authorization: %s"', async (authorization) => {
    expect((await app.fetch('/plain', { headers: { authorization } })).status).toBe(401);
  });

  it('is checked before the body is read', async () => {
    const answer = await app.fetch('/plain', { method: 'POST', body: '{ not json', headers: { 'content-type': 'application/json' } });

    expect(answer.status).toBe(401);
  });
});

describe('too many requests', () => {
  it('of one key are refused until the minute is over, and nobody else is', async () => {
    const app = await TestApp.start(AccessModule, { env: { RATE_LIMIT_PER_MINUTE: '3' } });
    const [one, another] = [await app.keyOf('viewer'), await app.keyOf('viewer')];
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await app.fetch('/plain', { key: one })).status);
    const refused = await app.fetch('/plain', { key: one });

    expect(statuses).toEqual([200, 200, 200, 429]);
    expect(await refused.json()).toMatchObject({ code: 'rate-limited' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await app.fetch('/plain', { key: another })).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await app.fetch('/health/ready')).status).toBe(200);
    await app.end();
  });
});

describe('wrong keys', () => {
  it('are refused for longer after twenty in a minute, and right ones never are: new, known, or shown to log in', async () => {
    const app = await TestApp.start(AccessModule, { sessions: true });
    const [known, fresh, another] = [await app.keyOf('viewer'), await app.keyOf('viewer'), await app.keyOf('admin')];
    await app.fetch('/plain', { key: known });
    const statuses = [];
    for (let i = 0; i < 21; i++) statuses.push((await app.fetch('/plain', { key: `wrong-key-number-${i}` })).status);
    const locked = await app.fetch('/plain', { key: 'one-more-wrong-key' });

    expect(statuses).toEqual([...Array<number>(20).fill(401), 429]);
    expect([locked.status, await locked.json()]).toEqual([429, expect.objectContaining({ code: 'locked-out' })]);
    expect(locked.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect((await app.fetch('/plain', { key: known })).status).toBe(200);
    expect((await app.fetch('/plain', { key: fresh })).status).toBe(200);
    expect((await app.fetch('/session', { json: { key: another } })).status).toBe(200);
    await app.end();
  });

  it('are told without hashing them, even those that were chosen to look like a right one', async () => {
    const app = await TestApp.start(AccessModule);
    const { id, key } = await app.keys.create({ name: 'target', role: 'viewer' });
    const wrong = alike(key, 12);
    const { connections } = app.running.context;
    const record = JSON.parse((await connections.commands.hget(`${app.config.namespace}:keys`, id))!) as { salt: string; hash: string; tag: string };
    const one = await durationOf(() => isKeyOf(key, record, 'measured'));
    const all = await durationOf(async () => expect(await Promise.all(wrong.map((text) => app.keys.verify(text)))).toEqual(wrong.map(() => undefined)));

    expect(all).toBeLessThan(wrong.length * one);
    expect((await app.fetch('/plain', { key })).status).toBe(200);
    await app.end();
  });

  it('do not keep keys out that an older version has stored', async () => {
    const app = await TestApp.start(AccessModule);
    const { id, key } = await app.keys.create({ name: 'old', role: 'viewer' });
    const { connections } = app.running.context;
    const field = `${app.config.namespace}:keys`;
    const { tag: _, ...old } = JSON.parse((await connections.commands.hget(field, id))!) as { tag: string };
    await connections.commands.hset(field, id, JSON.stringify(old));
    await app.keys.reload();
    const wrong = alike(key, 6);

    const answers = await Promise.all([...wrong, key, ...wrong].map((text) => app.fetch('/plain', { key: text })));
    expect(answers.map(({ status }) => status)).toEqual([...wrong.map(() => 401), 200, ...wrong.map(() => 401)]);
    await app.end();
  });
});

/** Keys that nobody holds, and that are looked for among the same records. */
const alike = (key: string, count: number): string[] => {
  const bucket = bucketOf(digestOf(key));
  const found: string[] = [];
  for (let n = 0; found.length < count; n++) if (bucketOf(digestOf(`wrong-key-${n}`)) === bucket) found.push(`wrong-key-${n}`);
  return found;
};

const durationOf = async (work: () => Promise<unknown>): Promise<number> => {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
};
