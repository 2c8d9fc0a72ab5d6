import { configFrom } from '@conductor/config';
import type { Outcome } from '@conductor/contracts';
import { checkPlatformContract } from '@conductor/platform-kit';
import { openPlatforms, type PlatformStage, until } from '@conductor/testing';
import { brain } from './brain';
import { brainConfig } from './brain-config';
import { ChatEndpointDouble, completion, problem } from './testing/chat-endpoint-double';

const KEY = 'sk-very-secret-0123456789';

let endpoint: ChatEndpointDouble;
const stages: PlatformStage[] = [];
beforeEach(async () => void (endpoint = await ChatEndpointDouble.start()));
afterEach(async () => {
  await Promise.all(stages.splice(0).map((stage) => stage.close()));
  await endpoint.down();
});

const definition = (env: Record<string, string> = {}) => brain(brainConfig(configFrom({ BRAIN_URL: endpoint.url, BRAIN_MODEL: 'tiny', ...env })));
const open = async (env: Record<string, string> = {}) => {
  const stage = await openPlatforms([definition(env)], { env: { PRESENCE_TTL_MS: '400' } });
  stages.push(stage);
  await until(async () => expect((await stage.router.presences.all())[0]?.lifecycle).toMatch(/ready|degraded|needs-attention/));
  return stage.router;
};
type Router = Awaited<ReturnType<typeof open>>;

const firstOutcome = async (router: Router, message: Parameters<Router['send']>[1] = {}): Promise<Outcome> => {
  const id = await router.send('brain', message);
  return until(() => {
    const [reply] = router.repliesTo(id);
    if (!reply) throw new Error('no reply yet');
    return reply.outcome;
  });
};

it('keeps the contract of every platform', async () => {
  expect(await checkPlatformContract(definition())).toEqual([]);
});

describe('an answer', () => {
  it('comes from the model, told who it is', async () => {
    const router = await open({ BRAIN_SYSTEM_PROMPT: 'You are Ada.', BRAIN_API_KEY: KEY });
    const record = await router.ask('brain', { content: { text: 'hi', image: 1 } });

    expect(record).toMatchObject({ state: 'answered', answer: { text: 'you said: hi', model: 'tiny', usage: { promptTokens: 7, completionTokens: 3 } } });
    expect(endpoint.asked).toEqual([{ model: 'tiny', stream: false, key: `Bearer ${KEY}`, messages: [{ role: 'system', content: 'You are Ada.' }, { role: 'user', content: 'hi' }] }]);
  });

  it('knows what was said before in the same conversation, and nothing of others', async () => {
    const router = await open();
    const say = (content: string, conversation: string, source = 'android') => router.ask('brain', { content, conversation, source });
    await say('I am Ann', 'kitchen');
    await say('I am Bob', 'garden');
    await say('I am Cem', 'kitchen', 'discord');
    await say('who am I?', 'kitchen');

    expect(endpoint.asked.at(-1)!.messages.map(({ content }) => content)).toEqual(['I am Ann', 'you said: I am Ann', 'who am I?']);
  });

  it('is not reminded of more than ten turns, nor of more than a short context holds', async () => {
    const router = await open();
    for (let turn = 1; turn <= 12; turn++) await router.ask('brain', { content: `turn ${turn}`, conversation: 'long' });
    await router.ask('brain', { content: 'last', conversation: 'long' });
    expect(endpoint.asked.at(-1)!.messages.map(({ content }) => content)).toEqual([...[3, 4, 5, 6, 7, 8, 9, 10, 11, 12].flatMap((turn) => [`turn ${turn}`, `you said: turn ${turn}`]), 'last']);

    for (let turn = 1; turn <= 4; turn++) await router.ask('brain', { content: `${turn}`.repeat(3_000), conversation: 'wide' });
    await router.ask('brain', { content: 'last', conversation: 'wide' });
    expect(endpoint.asked.at(-1)!.messages.map(({ content }) => content.at(-1))).toEqual(['4', '4', 't']);
  });

  it('is the one that was given before, when a process died between answering and saying so', async () => {
    const router = await open();
    const [stage] = stages;
    await router.ask('brain', { id: 'asked-twice', content: 'hi', conversation: 'c' });
    await stage!.context.connections.commands.del(`${stage!.config.namespace}:request:{asked-twice}`);
    const again = await router.ask('brain', { id: 'asked-twice', content: 'hi', conversation: 'c' });

    expect(again).toMatchObject({ state: 'answered', answer: { text: 'you said: hi' } });
    expect(endpoint.asked).toHaveLength(1);
    await router.ask('brain', { content: 'more', conversation: 'c' });
    expect(endpoint.asked.at(-1)!.messages).toHaveLength(3);
  });

  it('is not tried when there is nothing to answer', async () => {
    expect(await firstOutcome(await open(), { content: {} })).toMatchObject({ result: 'never', code: 'no-text' });
  });
});

describe('an endpoint that fails', () => {
  it.each<[string, ChatEndpointDouble['onChat'], object]>([
    ['429 with seconds to wait', () => problem(429, 'slow down', { 'retry-after': '7' }), { result: 'not-now', delayMs: 7_000, code: 'rate-limited', class: 'rate-limit' }],
    ['429 without', () => problem(429, 'slow down'), { result: 'not-now', delayMs: 5_000, class: 'rate-limit' }],
    ['503 with seconds to wait', () => problem(503, 'loading model', { 'retry-after': '2' }), { result: 'not-now', delayMs: 2_000, class: 'overload' }],
    ['503', () => problem(503, 'Loading model'), { result: 'retry', message: expect.stringContaining('Loading model') }],
    ['500', () => problem(500, 'CUDA out of memory'), { result: 'retry', code: 'endpoint-error', class: 'error', message: expect.stringContaining('CUDA out of memory') }],
    ['500 and a page', () => ({ status: 502, body: '<h1>Bad gateway</h1>' }), { result: 'retry', message: expect.stringContaining('Bad gateway') }],
    ['400', () => problem(400, 'context length exceeded'), { result: 'never', code: 'refused-by-endpoint', class: 'rejected', message: expect.stringContaining('context length exceeded') }],
    ['404 for the model', () => problem(404, 'model "tiny" not found, try pulling it first'), { result: 'never', code: 'model-not-found', message: expect.stringMatching(/set BRAIN_MODEL.*try pulling it first/) }],
    ['401', () => problem(401, `Incorrect API key provided: ${KEY}`), { result: 'never', code: 'bad-credentials', class: 'credentials', message: expect.stringMatching(/set BRAIN_API_KEY.*\[secret\]/) }],
    ['403', () => problem(403, 'forbidden'), { result: 'never', code: 'bad-credentials', class: 'credentials' }],
    ['200 and nonsense', () => ({ body: '<html>' }), { result: 'retry', code: 'endpoint-not-understood', message: expect.stringContaining('BRAIN_URL') }],
    ['200 and an empty answer', () => completion(''), { result: 'retry', code: 'endpoint-not-understood' }],
    ['a closed connection', () => 'drop', { result: 'retry', code: 'endpoint-unreachable' }],
    ['silence', () => 'hang', { result: 'retry', code: 'timeout', class: 'timeout', message: expect.stringContaining('BRAIN_TIMEOUT_MS') }],
  ])('with %s decides what happens to the message, and never names the key', async (_, onChat, outcome) => {
    const router = await open({ BRAIN_API_KEY: KEY, BRAIN_TIMEOUT_MS: '250' });
    endpoint.onChat = onChat;
    const found = await firstOutcome(router);

    expect(found).toMatchObject(outcome);
    expect(JSON.stringify([found, await router.check(), await router.inbound()])).not.toContain(KEY);
  });

  it('waits as long as a date says', async () => {
    const router = await open();
    endpoint.onChat = () => problem(429, 'slow down', { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    const outcome = await firstOutcome(router);

    expect(outcome).toMatchObject({ result: 'not-now' });
    expect((outcome as { delayMs: number }).delayMs).toBeGreaterThan(50_000);
  });

  it('is asked again after a passing failure', async () => {
    const router = await open();
    let failures = 1;
    endpoint.onChat = () => (failures-- > 0 ? problem(500, 'hiccup') : completion('better'));

    expect(await router.ask('brain')).toMatchObject({ state: 'answered', answer: { text: 'better' } });
  });

  it('is let go of at the sender’s deadline', async () => {
    const router = await open();
    endpoint.onChat = () => 'hang';
    const record = await router.ask('brain', { waitFor: 'answer', deadlineMs: 300 });

    expect(record).toMatchObject({ state: 'dead-lettered', code: 'timeout' });
    await until(() => expect([endpoint.underWay, endpoint.cancelled]).toEqual([0, 1]));
  });
});

describe('health', () => {
  it('needs the attention of a person while the key is refused, and none after', async () => {
    const router = await open();
    endpoint.onChat = () => problem(401, 'bad key');
    await firstOutcome(router);
    expect((await router.check())[0]).toMatchObject({ health: { status: 'needs-attention', reason: expect.stringContaining('BRAIN_API_KEY') } });

    endpoint.onChat = () => completion('hello');
    expect(await router.ask('brain')).toMatchObject({ state: 'answered' });
    expect((await router.check())[0]).toMatchObject({ health: { status: 'ok', details: { model: 'tiny', models: ['tiny'] } } });
  });

  it('names the models there are when the one configured is not among them', async () => {
    const router = await open({ BRAIN_MODEL: 'huge' });
    endpoint.onChat = () => problem(404, 'model "huge" not found');
    await firstOutcome(router);

    expect((await router.check())[0]).toMatchObject({ health: { status: 'needs-attention', reason: expect.stringMatching(/"huge".*It offers: tiny/) } });
  });

  it.each([
    ['refuses our key', () => problem(401, 'no'), 'needs-attention', /BRAIN_API_KEY/],
    ['has no list of models', () => ({ status: 404, body: '404 page not found' }), 'degraded', /usually ends in \/v1/],
    ['is loading its model', () => problem(503, 'Loading model'), 'degraded', /Loading model/],
    ['is silent', () => 'hang' as const, 'degraded', /gave no answer within/],
  ])('of an endpoint that %s when we start says so', async (_, onModels, state, reason) => {
    endpoint.onModels = onModels;
    const router = await open();

    expect((await router.untilState('brain', state)).reason).toMatch(reason);
  });

  it.each([
    ['BRAIN_URL of another protocol', { BRAIN_URL: 'ftp://127.0.0.1/v1' }, /http:\/\/ or https:\/\//],
    ['a password in BRAIN_URL', { BRAIN_URL: 'http://me:hunter2@127.0.0.1:1/v1' }, /BRAIN_API_KEY/],
  ])('of %s needs the attention of a person', async (_, env, reason) => {
    const router = await open(env);
    const presence = await router.untilState('brain', 'needs-attention');

    expect(presence.reason).toMatch(reason);
    expect(presence.reason).not.toContain('hunter2');
  });
});

describe('an endpoint that is away', () => {
  it('is used as soon as it comes up, without a restart, and messages have waited for it', async () => {
    await endpoint.down();
    const router = await open();
    expect(await router.untilState('brain', 'degraded')).toMatchObject({ reason: expect.stringMatching(/messages wait.*ECONNREFUSED/) });
    const id = await router.send('brain', { content: 'are you there?' });
    await until(() => expect(router.repliesTo(id)).toMatchObject([{ final: false, outcome: { result: 'not-now', code: 'brain-away', class: 'error' } }]));

    await endpoint.up();

    await until(async () => expect((await router.check())[0]).toMatchObject({ lifecycle: 'ready', health: { status: 'ok' } }));
    expect(await router.ask('brain', { content: 'at once' })).toMatchObject({ state: 'answered', answer: { text: 'you said: at once' } });
    expect(await router.settled(id)).toMatchObject({ state: 'answered', answer: { text: 'you said: are you there?' } });
  });

  it('is found out by the first message that meets it, which is tried again', async () => {
    const router = await open();
    await endpoint.down();
    expect(await firstOutcome(router)).toMatchObject({ result: 'retry', code: 'endpoint-unreachable' });

    expect((await router.check())[0]).toMatchObject({ health: { status: 'degraded' } });
    expect(await firstOutcome(router)).toMatchObject({ result: 'not-now', code: 'brain-away' });
  });

  it('leaves a sender who cannot wait to the fallback at once', async () => {
    await endpoint.down();
    const router = await open();
    const id = await router.send('brain', { waitFor: 'answer', deadlineMs: 5_000 }, { fallbacks: ['backup'] });

    await until(async () => expect((await router.ledger.read(id))?.state).toBe('rerouting'));
  });
});

describe('a crowd', () => {
  it('is answered a few at a time, the urgent ones first', async () => {
    const router = await open({ BRAIN_CONCURRENCY: '1' });
    endpoint.onChat = ({ messages }) => completion('ok', { 'warm up': 150, first: 500 }[messages.at(-1)!.content] ?? 20);
    // A platform takes more in hand once it is known to be slow.
    await router.ask('brain', { content: 'warm up' });
    const ids = [await router.send('brain', { content: 'first' })];
    await until(() => expect(endpoint.underWay).toBe(1));
    for (const kind of ['autonomous', 'message', 'mention', 'autonomous', 'message', 'mention']) ids.push(await router.send('brain', { kind, content: kind }));
    for (const id of ids) expect(await router.settled(id)).toMatchObject({ state: 'answered' });

    expect(endpoint.mostUnderWay).toBe(1);
    expect(endpoint.asked.map(({ messages }) => messages[0]!.content)).toEqual(['warm up', 'first', 'mention', 'mention', 'message', 'message', 'autonomous', 'autonomous']);
  });

  it('beyond its places is told that it is busy, loses no attempt, and is answered later', async () => {
    const router = await open({ BRAIN_CONCURRENCY: '2' });
    endpoint.onChat = () => completion('ok', 150);
    const ids = await router.sendParcel('brain', Array(20).fill({}));
    await until(() => expect(router.replies.find(({ outcome }) => outcome.result === 'not-now')).toMatchObject({ state: 'waiting', outcome: { code: 'busy', class: 'overload', message: expect.stringMatching(/\d+ messages are ahead/) } }));
    for (const id of ids) expect(await router.settled(id, 25_000)).toMatchObject({ state: 'answered' });

    expect(endpoint.mostUnderWay).toBe(2);
    expect(endpoint.asked).toHaveLength(20);
  });
});
