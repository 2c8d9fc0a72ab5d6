import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import plugin from '../index.js';
import { BotApiDouble } from './bot-api-double.mjs';

let double;
let platform;
let stored;
let emitted;
beforeEach(async () => {
  double = await BotApiDouble.open();
  stored = new Map();
  emitted = [];
});
afterEach(async () => {
  await platform?.shutdown().catch(() => {});
  platform = undefined;
  await double.close();
});

const context = (secrets = { BOT_TOKEN: BotApiDouble.TOKEN }) => ({
  platform: 'telegram',
  instance: 'telegram-1',
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  metrics: { count() {}, observe() {} },
  storage: { get: async (key) => stored.get(key), set: async (key, value) => void stored.set(key, value) },
  secrets,
  emit: async (message) => (emitted.push(message), { id: message.id }),
});
const start = async (config = {}, secrets) => {
  platform = plugin.platforms.telegram.create();
  await platform.initialize({ apiUrl: double.url, pollSeconds: 1, ...config }, context(secrets));
  return platform;
};
const send = (content, more = {}) => platform.handleRequest({ id: 'r-1', kind: 'message', content, conversation: '42', ...more }, AbortSignal.timeout(2_000));
const until = async (check) => {
  for (let tries = 0; ; tries++) {
    try {
      return await check();
    } catch (error) {
      if (tries > 400) throw error;
      await sleep(25);
    }
  }
};

test('a message that somebody writes to the bot comes in, once, and its offset is kept', async () => {
  await start();
  double.write('hello');
  double.write('/start');

  await until(() => assert.equal(emitted.length, 2));
  assert.deepEqual(emitted[0], { id: 'tg-99-1', kind: 'message', content: { text: 'hello', chat: '42', username: 'anna' }, conversation: '42', user: '7' });
  assert.equal(emitted[1].kind, 'command');
  await until(() => assert.equal(stored.get('offset'), 3));
});

test('after a restart it goes on where it was', async () => {
  stored.set('offset', 5);
  double.write('old', { id: 4 });
  double.write('new', { id: 5 });
  await start();

  await until(() => assert.deepEqual(emitted.map(({ content }) => content.text), ['new']));
  assert.equal(double.offsets[0], 5);
});

test('a message that could not be kept is asked for again', async () => {
  platform = plugin.platforms.telegram.create();
  let refused = 0;
  const unsafe = { ...context(), emit: async (message) => (refused++ === 0 ? Promise.reject(new Error('Redis is away')) : (emitted.push(message), { id: message.id })) };
  await platform.initialize({ apiUrl: double.url, pollSeconds: 1 }, unsafe);
  double.write('important');

  await until(() => assert.deepEqual(emitted.map(({ content }) => content.text), ['important']));
});

test('chats that are not allowed are not listened to', async () => {
  await start({ allowedChats: ['42'] });
  double.write('stranger', { chat: 666 });
  double.write('friend', { chat: 42 });

  await until(() => assert.deepEqual(emitted.map(({ content }) => content.text), ['friend']));
});

test('a message goes to its conversation, or to the chat that it names', async () => {
  await start();

  assert.deepEqual(await send('hello'), { text: 'sent', chat: '42', messages: [1] });
  await send({ text: 'there', chat: '43' });
  assert.deepEqual(double.sent, [{ chat_id: '42', text: 'hello' }, { chat_id: '43', text: 'there' }]);
});

test('a long text is sent in parts, and no part twice when it is tried again', async () => {
  await start();
  double.scripted.sendMessage.push(undefined, { status: 500, body: { ok: false, description: 'Internal' } });
  const text = 'x'.repeat(9_000);

  await assert.rejects(send(text), (error) => error.outcome.result === 'retry');
  assert.deepEqual((await send(text)).messages, [1, 2, 3]);
  assert.deepEqual(double.sent.map((message) => message.text.length), [4_096, 4_096, 808]);
});

test('an answer goes to the topic that was asked in, and topics are conversations of their own', async () => {
  await start();
  const group = { chat: -1001 };
  double.write('in a topic', { ...group, message_thread_id: 42, is_topic_message: true });
  double.write('in the general one', { ...group, message_thread_id: 1, is_topic_message: true });
  double.write('an ordinary reply', { ...group, message_thread_id: 42 });
  await until(() => assert.equal(emitted.length, 3));
  assert.deepEqual(emitted.map(({ conversation }) => conversation), ['-1001:42', '-1001:1', '-1001']);

  for (const { conversation } of emitted) await send('yes', { conversation });
  await send({ text: 'there', chat: '-1002', topic: 7 });
  assert.deepEqual(double.sent, [{ chat_id: '-1001', message_thread_id: 42, text: 'yes' }, { chat_id: '-1001', text: 'yes' }, { chat_id: '-1001', text: 'yes' }, { chat_id: '-1002', message_thread_id: 7, text: 'there' }]);
});

test('no part is longer than Telegram takes, nor begins within a character', async () => {
  await start();
  const family = ['\u{1F469}', '\u{1F469}', '\u{1F467}'].join('\u200d');
  await send(family.repeat(1_000));

  assert.ok(double.sent.every(({ text }) => text.length <= 4_096 && text.split(family).every((rest) => rest === '')));
  assert.equal(double.sent.map(({ text }) => text).join(''), family.repeat(1_000));
});

test('a text that shows nothing is never sent, neither as a part', async () => {
  await start();

  await assert.rejects(send('\u200b\n'), ({ outcome }) => outcome.code === 'no-text');
  await send(`hello${'\n'.repeat(5_000)}`);
  assert.equal(double.sent.length, 1);
});

test('a rate limit of Telegram is honoured for all messages of the bot', async () => {
  await start();
  double.refuse('sendMessage', 429, 'Too Many Requests: retry after 7', { retry_after: 7 });

  await assert.rejects(send('one'), ({ outcome }) => outcome.result === 'not-now' && outcome.delayMs === 7_000 && outcome.class === 'rate-limit');
  await assert.rejects(send('two'), ({ outcome }) => outcome.result === 'not-now' && outcome.delayMs > 5_000);
  assert.equal(double.sent.length, 0);
});

for (const [status, result, code] of [[400, 'never', 'telegram-refused'], [401, 'never', 'telegram-credentials'], [403, 'never', 'telegram-blocked'], [500, 'retry', 'telegram-failed'], [502, 'retry', 'telegram-failed']]) {
  test(`an answer of ${status} means: ${result}`, async () => {
    await start();
    double.refuse('sendMessage', status, 'no');

    await assert.rejects(send('hello'), ({ outcome, message }) => outcome.result === result && outcome.code === code && !message.includes(BotApiDouble.TOKEN));
  });
}

test('nobody knows what became of a message that got no answer', async () => {
  await start();
  double.scripted.sendMessage.push('hang');

  await assert.rejects(platform.handleRequest({ id: 'r-1', content: 'x', conversation: '42' }, AbortSignal.timeout(100)), ({ outcome }) => outcome.result === 'unknown');
});

test('a message that was never sent is tried again', async () => {
  await start();
  await double.close();

  await assert.rejects(send('hello'), ({ outcome }) => ['retry', 'unknown'].includes(outcome.result));
  double = await BotApiDouble.open();
});

test('without text or chat it is never sent', async () => {
  await start();

  await assert.rejects(send({}), ({ outcome }) => outcome.code === 'no-text');
  await assert.rejects(send('x', { conversation: undefined }), ({ outcome }) => outcome.code === 'no-chat');
});

test('a missing or wrong token needs a person, and is shown to nobody', async () => {
  await assert.rejects(start({}, {}), (error) => error.name === 'SetupFailure' && !error.retryable && /BOT_TOKEN was not granted/.test(error.message));
  await assert.rejects(start({}, { BOT_TOKEN: 'wrong' }), (error) => !error.retryable && !error.message.includes('wrong'));
});

test('says how it is: well, short of messages, or in need of a person', async () => {
  double.refuse('getUpdates', 409, 'Conflict: terminated by other getUpdates request');
  await start();

  await until(async () => assert.match((await platform.healthCheck()).reason ?? '', /another program/));
  await until(async () => assert.deepEqual(await platform.healthCheck(), { status: 'ok', details: { bot: 'double_bot' } }));
  double.refuse('getUpdates', 401, 'Unauthorized');
  double.write('wakes it');
  await until(async () => assert.equal((await platform.healthCheck()).status, 'needs-attention'));
});
