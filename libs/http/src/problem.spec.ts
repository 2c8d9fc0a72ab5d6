import { connect } from 'node:net';
import { PlatformName, type ProblemCode, ProblemDocument, RequestInput } from '@conductor/contracts';
import { BadRequestException, ConflictException, Controller, Delete, Get, Module, NotFoundException, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Public } from './access';
import { TestApp } from './door.fixture';
import { Problem } from './problem';
import { Answers, ZodBody, ZodParam, ZodQuery } from './zod-body';

const Page = z.strictObject({ limit: z.coerce.number().int().min(1).max(100).default(50) });

const thrown: Record<string, () => Error> = {
  own: () => new Problem('deadline-exceeded', 'too late', { request: { id: 'r1', state: 'waiting', reason: 'the platform is slow' } }),
  overloaded: () => new Problem('overloaded', 'come again', { retryAfterSeconds: 0.2 }),
  redis: () => new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  unknown: () => new Error('password=hunter2 in table users'),
  nestConflict: () => new ConflictException('it is running'),
  nestNotFound: () => new NotFoundException(),
  nestBad: () => new BadRequestException('no'),
};

@Controller()
@Public()
class Failing {
  @Get('throw')
  throw(@Query('what') what: string): never {
    throw thrown[what]?.() ?? new Error('unknown');
  }
  @Post('requests')
  @Answers(200)
  send(@ZodBody(RequestInput) body: RequestInput) {
    return body;
  }
  @Get('names/:name')
  name(@ZodParam('name', PlatformName) name: string) {
    return { name };
  }
  @Delete('names/:name')
  forget() {}
  @Get('pages')
  page(@ZodQuery(Page) page: z.output<typeof Page>) {
    return page;
  }
}
@Module({ controllers: [Failing] })
class FailingModule {}

describe('a problem', () => {
  let app: TestApp;
  beforeAll(async () => (app = await TestApp.start(FailingModule)));
  afterAll(() => app.end());

  const json = { 'content-type': 'application/json' };
  const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = json): [string, RequestInit] => ['/requests', { method: 'POST', body, headers }];
  const table: Array<[what: string, request: [string, RequestInit?], status: number, code: ProblemCode, more?: object]> = [
    ['an unknown path', ['/nowhere?secret=1'], 404, 'not-found', { instance: '/nowhere', detail: 'There is no GET /nowhere.' }],
    ['a method that a path does not take', ['/throw', { method: 'DELETE' }], 405, 'method-not-allowed', { detail: '/throw does not take DELETE, only GET, HEAD.' }],
    ['a path that cannot be decoded', ['/%zz'], 400, 'invalid-request', { errors: [{ field: 'path', message: expect.any(String) }] }],
    ['a path with a part of several kilobytes', [`/names/${'a'.repeat(5_000)}`], 400, 'invalid-request', { errors: [{ field: 'path', message: expect.any(String) }] }],
    ['a wrong part of the path', [`/names/${'a'.repeat(200)}`], 400, 'invalid-request', { errors: [{ field: 'name', message: expect.any(String) }] }],
    ['a body that is not JSON', post('{"kind":'), 400, 'invalid-json'],
    ['a body that would replace a prototype', post('{"kind":"message","content":"x","__proto__":{}}'), 400, 'invalid-json', { detail: expect.stringContaining('"__proto__"') }],
    ['a body that is not UTF-8', post(Buffer.from('{"kind":"message","content":"caf\xe9"}', 'latin1')), 400, 'invalid-json', { detail: 'The body is not UTF-8.' }],
    ['a packed body', post('{"kind":"message","content":"x"}', { ...json, 'content-encoding': 'gzip' }), 415, 'unsupported-media-type'],
    ['a content that is nested without end', post(`{"kind":"message","content":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`), 400, 'invalid-request', { errors: [{ field: 'content', message: expect.stringContaining('100 levels') }] }],
    ['no body', post(''), 400, 'invalid-request', { errors: [{ field: 'body', message: expect.any(String) }] }],
    ['a body over 1 MiB', post(JSON.stringify({ kind: 'message', content: 'x'.repeat(1_048_576) })), 413, 'body-too-large'],
    ['a body in XML', post('<a/>', { 'content-type': 'application/xml' }), 415, 'unsupported-media-type'],
    ['a form where none is taken', post('kind=message', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported-media-type'],
    [
      'several wrong fields and unknown ones',
      post(JSON.stringify({ content: 7, deadlineMs: -1, waitFor: 'ever', colour: 'red', size: 3 })),
      400,
      'invalid-request',
      { errors: expect.arrayContaining(['kind', 'content', 'deadlineMs', 'waitFor', 'colour', 'size'].map((field) => ({ field, message: expect.any(String) }))) },
    ],
    ['a wrong query', ['/pages?limit=many&offset=2'], 400, 'invalid-request', { errors: ['limit', 'offset'].map((field) => ({ field, message: expect.any(String) })) }],
    ['one of our own', ['/throw?what=own'], 504, 'deadline-exceeded', { detail: 'too late', request: { id: 'r1', state: 'waiting', reason: 'the platform is slow' } }],
    ['a conflict that Nest raises', ['/throw?what=nestConflict'], 409, 'conflict', { detail: 'it is running' }],
    ['a missing thing that Nest raises', ['/throw?what=nestNotFound'], 404, 'not-found'],
    ['a bad request that Nest raises', ['/throw?what=nestBad'], 400, 'invalid-request'],
    ['Redis being away', ['/throw?what=redis'], 503, 'redis-unavailable'],
    ['anything unforeseen', ['/throw?what=unknown'], 500, 'internal'],
  ];
  it.each(table)('is what %s leads to', async (_what, [path, init], status, code, more = {}) => {
    const answer = await app.fetch(path, init);
    const body = await answer.text();

    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    const problem = ProblemDocument.parse(JSON.parse(body));
    expect(problem).toMatchObject({ type: `/problems/${code}`, code, status, trace: answer.headers.get('x-request-id'), ...more });
    expect(body).not.toMatch(/hunter2|node_modules|secret/);
  });

  it('names the methods that a path takes, whatever its parts are called', async () => {
    const allowed = async (path: string) => (await app.fetch(path, { method: 'PUT' })).headers.get('allow');

    expect(await allowed('/names/discord')).toBe('DELETE, GET, HEAD');
    expect(await allowed('/requests?a=b')).toBe('POST');
    expect(await allowed('/names')).toBeNull();
  });

  const unreadable: Array<[what: string, sent: string, status: number, code: ProblemCode]> = [
    ['a method that HTTP does not know', 'CHEER / HTTP/1.1\r\nhost: here\r\n\r\n', 400, 'invalid-request'],
    ['what is no HTTP at all', 'hello?\r\n\r\n', 400, 'invalid-request'],
    ['headers without end', `GET / HTTP/1.1\r\nhost: here\r\nx-long: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
  ];
  it.each(unreadable)('is what %s leads to, too', async (_what, sent, status, code) => {
    const [head = '', body = ''] = (await bareAnswer(app.running.url, sent)).split('\r\n\r\n');

    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*content-type: application/problem\\+json`, 's'));
    expect(ProblemDocument.parse(JSON.parse(body))).toMatchObject({ status, code, type: `/problems/${code}` });
  });

  it('says in whole seconds, and at least one, when to come again', async () => {
    expect((await app.fetch('/throw?what=overloaded')).headers.get('retry-after')).toBe('1');
    expect((await app.fetch('/throw?what=redis')).headers.get('retry-after')).toBe('2');
  });

  it('keeps what is unforeseen from the caller and puts it into the log under the trace', async () => {
    const trace = 'find-me-in-the-log';
    await app.fetch('/throw?what=unknown', { headers: { 'x-request-id': trace } });

    const line = app.log.split('\n').find((text) => text.includes(trace));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'error', trace, path: '/throw', err: { message: 'password=hunter2 in table users' } });
  });

  it('carries the correlation id of the caller, and a new one instead of a harmful one', async () => {
    expect((await app.fetch('/nowhere', { headers: { 'x-request-id': 'my-own_id.1' } })).headers.get('x-request-id')).toBe('my-own_id.1');
    expect((await app.fetch('/nowhere', { headers: { 'x-request-id': 'a b; c' } })).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is explained where its type leads', async () => {
    const { type } = (await (await app.fetch('/nowhere')).json()) as ProblemDocument;

    expect(await (await app.fetch(type)).json()).toMatchObject({ code: 'not-found', status: 404, then: expect.any(String) });
    expect((await app.fetch('/problems/toString')).status).toBe(404);
  });

  it('is not made of a valid request', async () => {
    const answer = await app.fetch('/requests', { json: { kind: 'message', content: 'hello' } });

    expect([answer.status, await answer.json()]).toEqual([200, { kind: 'message', content: 'hello', deadlineMs: 5_000, waitFor: 'answer' }]);
  });
});

/** All that comes back over a bare connection until it is closed. */
const bareAnswer = (url: string, sent: string): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(sent));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
