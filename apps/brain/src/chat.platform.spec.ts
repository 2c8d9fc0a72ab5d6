import { checkPlatformContract } from '@conductor/platform-kit';
import { until } from '@conductor/testing';
import { BrainStage, firstOutcome } from './testing/brain-stage';
import { type ChatEndpointDouble, completion, problem } from './testing/chat-endpoint-double';

const KEY = 'sk-very-secret-0123456789';

let stage: BrainStage;
let endpoint: ChatEndpointDouble;
beforeEach(async () => {
  stage = await BrainStage.open();
  endpoint = stage.endpoint;
});
afterEach(() => stage.close());

const definition = () => stage.definition();
const open = (env: Record<string, string> = {}) => stage.brain(env);

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
    const { router, context, config } = await stage.stage();
    await router.ask('brain', { id: 'asked-twice', content: 'hi', conversation: 'c' });
    await context.connections.commands.del(`${config.namespace}:request:{asked-twice}`);
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
    ['503 while it loads', () => problem(503, 'Loading model'), { result: 'not-now', code: 'model-loading', class: 'overload', message: expect.stringContaining('Loading model') }],
    ['503', () => problem(503, 'no healthy upstream'), { result: 'retry', code: 'endpoint-error', class: 'error', message: expect.stringContaining('no healthy upstream') }],
    ['500', () => problem(500, 'CUDA out of memory'), { result: 'retry', code: 'endpoint-error', class: 'error', message: expect.stringContaining('CUDA out of memory') }],
    ['500 and a page', () => ({ status: 502, body: '<h1>Bad gateway</h1>' }), { result: 'retry', message: expect.stringContaining('Bad gateway') }],
    ['400', () => problem(400, 'unknown field'), { result: 'never', code: 'refused-by-endpoint', class: 'rejected', message: expect.stringContaining('unknown field') }],
    ['400 for the length', () => problem(400, 'context length exceeded'), { result: 'never', code: 'message-too-long', class: 'rejected', message: expect.stringContaining('context length exceeded') }],
    ['400 for the key', () => problem(400, 'API key not valid. Please pass a valid API key.'), { result: 'never', code: 'bad-credentials', class: 'credentials' }],
    ['400 for the content', () => problem(400, 'The response was filtered due to the content management policy'), { result: 'never', code: 'content-filtered', class: 'rejected' }],
    ['402', () => problem(402, 'Insufficient Balance'), { result: 'never', code: 'quota-exhausted', class: 'credentials', message: expect.stringContaining('Insufficient Balance') }],
    ['413', () => ({ status: 413, body: 'Payload Too Large' }), { result: 'never', code: 'message-too-long', class: 'rejected' }],
    ['422', () => problem(422, 'extra inputs are not permitted'), { result: 'never', code: 'refused-by-endpoint', class: 'rejected' }],
    ['408', () => problem(408, 'request timeout'), { result: 'retry', code: 'endpoint-error', class: 'error' }],
    ['429 for an empty account', () => ({ status: 429, body: { error: { message: 'You exceeded your current quota, please check your plan and billing details.', code: 'insufficient_quota' } } }), { result: 'never', code: 'quota-exhausted' }],
    ['429 for a minute, with a link', () => problem(429, 'Rate limit reached. Visit https://platform.example/account/billing to add a payment method.'), { result: 'not-now', code: 'rate-limited' }],
    ['429 for a quota of the minute', () => problem(429, 'You exceeded your current quota. Please retry in 20 s.'), { result: 'not-now', code: 'rate-limited' }],
    ['429 for the size', () => problem(429, 'Request too large for this model: please reduce the length of the messages'), { result: 'never', code: 'message-too-long' }],
    ['429 at once', () => problem(429, 'slow down', { 'retry-after': '0' }), { result: 'not-now', delayMs: 1_000 }],
    ['a redirect', () => ({ status: 308, headers: { location: 'http://elsewhere.example/v1/chat/completions?key=1' }, body: '' }), { result: 'never', code: 'endpoint-moved', message: expect.stringMatching(/308 .*http:\/\/elsewhere\.example\/v1\/chat\/completions: set BRAIN_URL/) }],
    ['529', () => problem(529, 'Overloaded'), { result: 'not-now', delayMs: 5_000, code: 'endpoint-not-ready', class: 'overload' }],
    ['404 for the model', () => problem(404, 'model "tiny" not found, try pulling it first'), { result: 'never', code: 'model-not-found', message: expect.stringMatching(/set BRAIN_MODEL.*try pulling it first/) }],
    ['401', () => problem(401, `Incorrect API key provided: ${KEY}`), { result: 'never', code: 'bad-credentials', class: 'credentials', message: expect.stringMatching(/set BRAIN_API_KEY.*\[secret\]/) }],
    ['403', () => problem(403, 'forbidden'), { result: 'never', code: 'bad-credentials', class: 'credentials' }],
    ['200 and nonsense', () => ({ body: '<html>' }), { result: 'retry', code: 'endpoint-not-understood', message: expect.stringContaining('BRAIN_URL') }],
    ['200 and an empty answer', () => completion(''), { result: 'retry', code: 'blank-answer', class: 'error' }],
    ['200 and a body without end', () => ({ endless: 'la '.repeat(10_000) }), { result: 'never', code: 'answer-too-large', class: 'error' }],
    ['an answer that breaks off', () => ({ breaksOff: true }), { result: 'retry', code: 'endpoint-unreachable' }],
    ['a closed connection', () => 'drop', { result: 'retry', code: 'endpoint-unreachable' }],
    ['silence from the beginning', () => 'hang', { result: 'not-now', code: 'model-loading', class: 'overload', message: expect.stringContaining('probably being loaded') }],
  ])('with %s decides what happens to the message, and never names the key', async (_, onChat, outcome) => {
    const router = await open({ BRAIN_API_KEY: KEY, BRAIN_TIMEOUT_MS: '1000' });
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

  it('with silence after it answered others is too slow', async () => {
    const router = await open({ BRAIN_TIMEOUT_MS: '1000' });
    await router.ask('brain');
    endpoint.onChat = () => 'hang';

    expect(await firstOutcome(router)).toMatchObject({ result: 'retry', code: 'timeout', class: 'timeout', message: expect.stringContaining('BRAIN_TIMEOUT_MS') });
  });

  it('is let go of at the sender’s deadline', async () => {
    const router = await open();
    await router.ask('brain');
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
    ['may not be asked for its models', () => problem(403, 'missing scope: model list'), 'degraded', /may not list its models/],
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

describe('a list of models that cannot be had', () => {
  it.each<[string, ChatEndpointDouble['onModels']]>([
    ['forbidden', () => problem(403, 'missing scope: model list')],
    ['forbidden as if the key were wrong', () => problem(401, 'You have insufficient permissions for this operation. Missing scopes: api.model.read')],
    ['slow', () => ({ body: { data: [] }, delayMs: 2_500 })],
    ['broken', () => problem(500, 'no such route')],
    ['endless', () => ({ endless: '{"data":[' })],
  ])('because it is %s, keeps nobody from an answer', async (_, onModels) => {
    endpoint.onModels = onModels;
    const router = await open();

    expect(await router.ask('brain', { waitFor: 'answer', deadlineMs: 20_000 })).toMatchObject({ state: 'answered' });
    expect((await router.check())[0]).toMatchObject({ health: { status: 'ok' } });
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
