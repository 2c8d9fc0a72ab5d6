import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import standardwebhooks from 'standardwebhooks';
import plugin from '../index.mjs';
import { ReceiverDouble } from './receiver-double.mjs';

const SECRET = `whsec_${Buffer.from('a secret for tests only').toString('base64')}`;
const theirs = new standardwebhooks.Webhook(SECRET);

let receiver;
let platform;
let emitted;
beforeEach(async () => {
  receiver = await ReceiverDouble.open();
  emitted = [];
  platform = plugin.platforms.webhook.create();
  await platform.initialize({ url: receiver.url }, context({ WEBHOOK_SECRET: SECRET }));
});
afterEach(() => receiver.close());

const context = (secrets) => ({ secrets, metrics: { count() {}, observe() {} }, emit: async (message) => (emitted.push(message), { id: message.id }) });
const send = (content = 'hello') => platform.handleRequest({ id: 'r-1', kind: 'message', content, conversation: 'c' }, AbortSignal.timeout(2_000));
const call = (event, { at = new Date(), id = 'msg_1', change = (body) => body } = {}) => {
  const body = JSON.stringify(event);
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)), 'webhook-signature': theirs.sign(id, at, body) };
  return platform.handleWebhook({ method: 'POST', path: '/', query: {}, headers, body: Buffer.from(change(body)) }, AbortSignal.timeout(2_000));
};

test('a message is posted with a signature that the receiver can verify', async () => {
  assert.deepEqual(await send({ text: 'hello', more: 1 }), { text: 'posted', status: 200 });

  const [{ headers, body }] = receiver.received;
  assert.deepEqual(theirs.verify(body, headers).data, { id: 'r-1', text: 'hello', content: { text: 'hello', more: 1 }, conversation: 'c' });
  assert.equal(headers['webhook-id'], 'r-1');
});

for (const [status, result] of [[400, 'never'], [401, 'never'], [410, 'never'], [408, 'retry'], [500, 'retry'], [503, 'retry']]) {
  test(`an answer of ${status} means: ${result}`, async () => {
    receiver.answers.push({ status });
    await assert.rejects(send(), ({ outcome }) => outcome.result === result);
  });
}

test('a receiver that asks for a pause gets it', async () => {
  receiver.answers.push({ status: 429, headers: { 'retry-after': '12' } });

  await assert.rejects(send(), ({ outcome }) => outcome.result === 'not-now' && outcome.delayMs === 12_000);
});

for (const status of [301, 302, 307, 308]) {
  test(`a redirect by ${status} is neither followed, since nobody approved where it leads, nor asked for again, and the reason names both`, async () => {
    receiver.answers.push({ status, headers: { location: `${receiver.url}/new?token=secret` } });

    await assert.rejects(send(), ({ outcome, message }) => outcome.result === 'never' && outcome.code === 'receiver-moved' && message.includes(String(status)) && message.includes(`${receiver.url}/new`) && !message.includes('secret'));
    assert.equal(receiver.received.length, 1);
  });
}

test('a redirect to a path names the address that it leads to, without what may be secret', async () => {
  receiver.answers.push({ status: 308, headers: { location: '/new?token=secret' } });

  await assert.rejects(send(), ({ message }) => message.includes(`${new URL(receiver.url).origin}/new`) && !message.includes('secret'));
});

test('a receiver that is unavailable for a while gets it', async () => {
  receiver.answers.push({ status: 503, headers: { 'retry-after': '9' } });

  await assert.rejects(send(), ({ outcome }) => outcome.result === 'not-now' && outcome.delayMs === 9_000 && outcome.class === 'overload');
});

for (const data of [5, true, '', '  ', null, [], {}]) {
  test(`a signed webhook whose data is ${JSON.stringify(data)} says nothing, and is not to be sent again`, async () => {
    assert.equal((await call({ type: 'message', data })).status, 400);
    assert.equal(emitted.length, 0);
  });
}

test('a signed webhook whose body is no object says nothing either', async () => {
  for (const event of [5, 'text', null, []]) assert.equal((await call(event)).status, 400);
});

test('a signed webhook comes in as a message, with the same id each time', async () => {
  const event = { type: 'message', data: { text: 'hi', user: 'anna', conversation: 'room' } };

  assert.deepEqual(await call(event), { status: 204 });
  await call(event);
  assert.equal(emitted[0].id, emitted[1].id);
  assert.deepEqual({ ...emitted[0], id: undefined }, { id: undefined, kind: 'message', content: 'hi', user: 'anna', conversation: 'room' });
});

test('one that was changed, is too old or is not signed is refused', async () => {
  const event = { type: 'message', data: { text: 'pay 1' } };

  assert.equal((await call(event, { change: (body) => body.replace('pay 1', 'pay 9') })).status, 401);
  assert.equal((await call(event, { at: new Date(Date.now() - 6 * 60_000) })).status, 401);
  assert.equal((await platform.handleWebhook({ method: 'POST', headers: {}, body: Buffer.from('{}') })).status, 401);
  assert.equal((await platform.handleWebhook({ method: 'GET', headers: {}, body: Buffer.alloc(0) })).status, 405);
  assert.equal(emitted.length, 0);
});

test('one that could not be kept is not acknowledged', async () => {
  await platform.initialize({ url: receiver.url }, { ...context({ WEBHOOK_SECRET: SECRET }), emit: () => Promise.reject(new Error('Redis is away')) });

  await assert.rejects(call({ type: 'message', data: { text: 'hi' } }), /Redis is away/);
});

test('without a secret it needs a person', async () => {
  for (const secrets of [{}, { WEBHOOK_SECRET: 'whsec_%%%' }]) {
    await assert.rejects(plugin.platforms.webhook.create().initialize({ url: receiver.url }, context(secrets)), (error) => !error.retryable);
  }
});
