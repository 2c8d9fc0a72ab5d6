import { BrainStage, firstOutcome } from './testing/brain-stage';
import { type ChatEndpointDouble, completion, worded } from './testing/chat-endpoint-double';

let stage: BrainStage;
let endpoint: ChatEndpointDouble;
beforeEach(async () => {
  stage = await BrainStage.open();
  endpoint = stage.endpoint;
});
afterEach(() => stage.close());

const THINKING = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] };
const streamed = (...deltas: object[]) => `${deltas.map((delta) => `data: ${JSON.stringify({ model: 'tiny', choices: [{ delta }] })}\n\n`).join('')}data: [DONE]\n\n`;

describe('an answer of unusual form', () => {
  it.each<[string, ReturnType<ChatEndpointDouble['onChat']>, string]>([
    ['in parts', worded({ content: [THINKING, { type: 'text', text: 'Hello' }, { type: 'text', text: ', Ada' }] }), 'Hello, Ada'],
    ['in parts that are texts', worded({ content: ['Hello', ' again'] }), 'Hello again'],
    ['of a model without a name', worded({ content: 'Hello' }, { model: null }), 'Hello'],
    ['with reasoning beside it', worded({ content: 'Hello', reasoning_content: 'she seems sad' }), 'Hello'],
    ['with usage of another shape', worded({ content: 'Hello' }, { usage: { total: 7 } }), 'Hello'],
    ['as a stream that nobody asked for', { headers: { 'content-type': 'text/event-stream' }, body: streamed({ role: 'assistant', content: '' }, { content: 'Hel' }, { content: 'lo' }) }, 'Hello'],
    ['behind a byte order mark', { body: `\uFEFF${JSON.stringify(completion('Hello').body)}` }, 'Hello'],
    ['with nulls for what is absent', { body: { choices: [{ message: { content: 'Hello', tool_calls: null, refusal: null }, delta: null, text: null, finish_reason: 'stop' }] } }, 'Hello'],
    ['of the older kind', { body: { choices: [{ text: 'Hello', finish_reason: 'stop' }] } }, 'Hello'],
    ['with half an emoji', worded({ content: 'Hello \ud83d' }), 'Hello \ufffd'],
    ['cut off by a filter', worded({ content: 'Hello' }, {}), 'Hello'],
  ])('%s is read', async (_, reply, text) => {
    const router = await stage.brain();
    endpoint.onChat = () => reply;

    expect(await router.ask('brain')).toMatchObject({ state: 'answered', answer: { text, model: 'tiny' } });
  });

  it.each<[string, ReturnType<ChatEndpointDouble['onChat']>, object]>([
    ['that is reasoning only', worded({ content: '', reasoning_content: 'she seems sad' }), { result: 'never', code: 'only-reasoning', class: 'rejected' }],
    ['whose tokens went into thinking', { body: { choices: [{ message: { content: null, reasoning: 'so' }, finish_reason: 'length' }] } }, { result: 'never', code: 'only-reasoning', message: expect.stringContaining('limit of tokens') }],
    ['whose thinking is never closed', worded({ content: '<think>only this' }), { result: 'never', code: 'only-reasoning' }],
    ['that wants a tool', worded({ content: null, tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{}' } }] }), { result: 'never', code: 'tool-call-unsupported', class: 'rejected' }],
    ['that wants a function', worded({ content: null, function_call: { name: 'f', arguments: '{}' } }), { result: 'never', code: 'tool-call-unsupported' }],
    ['that is a refusal', worded({ content: null, refusal: 'I cannot help with that.' }), { result: 'never', code: 'content-filtered', class: 'rejected' }],
    ['that a filter took away altogether', { body: { choices: [{ message: null, finish_reason: 'content_filter' }] } }, { result: 'never', code: 'content-filtered' }],
    ['that a filter took away', { body: { choices: [{ message: { content: '' }, finish_reason: 'content_filter' }] } }, { result: 'never', code: 'content-filtered' }],
    ['of line breaks', worded({ content: '\n\n' }), { result: 'retry', code: 'blank-answer', class: 'error' }],
    ['of characters that nobody sees', worded({ content: '\u200b\u2063\ufe0f' }), { result: 'retry', code: 'blank-answer' }],
    ['without choices', { body: { choices: null } }, { result: 'retry', code: 'endpoint-not-understood' }],
    ['with no choice', { body: { choices: [] } }, { result: 'retry', code: 'endpoint-not-understood' }],
  ])('%s is no answer, and its reasoning is told nobody', async (_, reply, outcome) => {
    const router = await stage.brain();
    endpoint.onChat = () => reply;
    const found = await firstOutcome(router);

    expect(found).toMatchObject(outcome);
    expect(JSON.stringify(found)).not.toContain('she seems sad');
  });

  it('that cannot be shown is asked for once where asking again cannot help', async () => {
    const router = await stage.brain();
    endpoint.onChat = () => worded({ content: '', reasoning_content: 'hm' });

    expect(await router.ask('brain')).toMatchObject({ state: 'dead-lettered', code: 'only-reasoning' });
    expect(endpoint.asked).toHaveLength(1);
  });
});

describe('an error inside of a 200', () => {
  const inside = (error: object) => ({ body: { error } });

  it.each<[string, ReturnType<ChatEndpointDouble['onChat']>, object]>([
    ['429', inside({ message: 'upstream rate limit', code: 429 }), { result: 'not-now', code: 'rate-limited', class: 'rate-limit' }],
    ['a word for it', inside({ message: 'slow down', code: 'rate_limit_exceeded' }), { result: 'not-now', code: 'rate-limited' }],
    ['401', inside({ message: 'no auth', code: 401 }), { result: 'never', code: 'bad-credentials' }],
    ['401 as text', inside({ message: 'no auth', code: '401' }), { result: 'never', code: 'bad-credentials' }],
    ['502', inside({ message: 'upstream is gone', code: 502 }), { result: 'retry', code: 'endpoint-error' }],
    ['nothing', inside({ message: 'something' }), { result: 'retry', code: 'endpoint-error', message: expect.stringContaining('something') }],
    ['429 in a choice', { body: { choices: [{ finish_reason: 'error', error: { code: 429, message: 'slow' }, message: { content: '' } }] } }, { result: 'not-now', code: 'rate-limited' }],
    ['429 in a choice of a stream', { body: `data: ${JSON.stringify({ choices: [{ delta: {}, error: { code: 429, message: 'slow' } }] })}\n\n` }, { result: 'not-now', code: 'rate-limited' }],
    ['429 in a stream', { body: `data: ${JSON.stringify({ error: { code: 429, message: 'slow' } })}\n\n` }, { result: 'not-now', code: 'rate-limited' }],
  ])('counts as the status that it names: %s', async (_, reply, outcome) => {
    const router = await stage.brain();
    endpoint.onChat = () => reply;

    expect(await firstOutcome(router)).toMatchObject(outcome);
  });
});

describe('what a model was thinking', () => {
  it('reaches neither the person nor the next prompt, and code about it survives', async () => {
    const router = await stage.brain();
    const answers = ['<think>she seems sad, be brief</think>\n\nHi!', 'Write `<think>` and `</think>` around it.', '```\n<think>x</think>\n```'];
    endpoint.onChat = () => completion(answers.shift() ?? 'done');
    const say = async () => (await router.ask('brain', { content: 'hello', conversation: 'c' })).answer?.['text'];

    expect([await say(), await say(), await say(), await say()]).toEqual(['Hi!', 'Write `<think>` and `</think>` around it.', '```\n<think>x</think>\n```', 'done']);
    expect(JSON.stringify(endpoint.asked.at(-1)!.messages)).not.toContain('she seems sad');
  });
});

describe('characters', () => {
  const ofOne = (turns: number) => Array.from({ length: turns }, (_, turn) => ({ content: `turn ${turn}`, conversation: 'c' }));

  it('are never cut within, wherever a long conversation is cut', async () => {
    const router = await stage.brain();
    const families = '👩‍👩‍👧‍👦'.repeat(500);
    endpoint.onChat = ({ messages }) => (messages.every(({ content }) => content.isWellFormed()) ? completion(messages.length === 1 ? '😀'.repeat(2_001) : families) : { status: 400, body: 'lone surrogate' });

    for (const message of ofOne(4)) expect(await router.ask('brain', message)).toMatchObject({ state: 'answered' });
    const whole = endpoint.asked.at(-1)!.messages.filter(({ content }) => content.startsWith('👩')).every(({ content }) => /^(👩‍👩‍👧‍👦)+…?$/u.test(content));
    expect(whole).toBe(true);
  });

  it('that are halves of one in a message reach the model as something that can be read', async () => {
    const router = await stage.brain();
    await router.ask('brain', { content: 'half \ud83d an emoji' });

    expect(endpoint.asked[0]!.messages[0]!.content.isWellFormed()).toBe(true);
  });

  it('that nobody sees are no message', async () => {
    expect(await firstOutcome(await stage.brain(), { content: '\u200b\u2063' })).toMatchObject({ result: 'never', code: 'no-text' });
  });
});

describe('a conversation that is longer than the context', () => {
  const short = 3_000;
  beforeEach(() => {
    endpoint.onChat = ({ messages }) =>
      messages.reduce((sum, { content }) => sum + content.length, 0) > short ? { status: 400, body: { error: { message: 'request (2600 tokens) exceeds the available context size (2048 tokens)' } } } : completion('x'.repeat(700));
  });

  it('is asked with fewer turns, at last with the question alone', async () => {
    const router = await stage.brain();
    const say = (content: string) => router.ask('brain', { content, conversation: 'c' });
    await say('a'.repeat(700));
    await say('b'.repeat(700));

    for (let turn = 0; turn < 3; turn++) expect(await say('hi')).toMatchObject({ state: 'answered' });
    expect(await say('c'.repeat(2_900))).toMatchObject({ state: 'answered' });
  });

  it('fails a question only that is too long by itself', async () => {
    const router = await stage.brain();

    expect(await router.ask('brain', { content: 'a'.repeat(3_500), conversation: 'c' })).toMatchObject({ state: 'dead-lettered', code: 'message-too-long' });
    expect(await router.ask('brain', { content: 'hi', conversation: 'c' })).toMatchObject({ state: 'answered' });
  });
});
