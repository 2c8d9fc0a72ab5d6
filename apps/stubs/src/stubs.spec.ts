import type { Request } from '@conductor/contracts';
import { type RunningApp, startApp } from '@conductor/http';
import { forget, RouterDouble, testConfig, until } from '@conductor/testing';
import { StubsModule } from './stubs.module';

const NAMES = ['minecraft', 'twitch', 'tiktok', 'youtube'];

const config = testConfig();
let router: RouterDouble;
let app: RunningApp;
beforeAll(async () => {
  router = await RouterDouble.open(config);
  app = await startApp('stubs', (context) => StubsModule.register(context), config);
  for (const name of NAMES) await router.untilState(name, 'ready');
});
afterAll(async () => {
  await app.stop();
  await router.close();
  await forget(config);
});

it.each([
  ['minecraft', 'Minecraft'],
  ['twitch', 'Twitch'],
  ['tiktok', 'TikTok'],
  ['youtube', 'YouTube'],
])('%s accepts a message, and says that it went nowhere', async (name, title) => {
  const record = await router.ask(name, { kind: 'command', content: { text: 'give diamonds', count: 3 }, conversation: 'world' });

  expect(record).toMatchObject({
    state: 'answered',
    platform: name,
    answer: {
      ok: true,
      hookedUp: false,
      text: `${title} is not hooked up yet: your message was accepted and went nowhere.`,
      received: { id: record.id, kind: 'command', text: 'give diamonds', conversation: 'world' },
    },
  });
});

it('accepts every kind of message and content', async () => {
  const messages: Array<Partial<Request>> = [{ kind: 'autonomous' }, { content: {} }, { content: { image: [1, 2, { a: null }] } }, { content: 'x'.repeat(100_000) }];
  for (const message of messages) {
    expect(await router.ask('twitch', message)).toMatchObject({ state: 'answered' });
  }
});

it('takes many messages at once', async () => {
  const ids = await router.sendParcel('youtube', Array(200).fill({}));
  for (const id of ids) expect(await router.settled(id)).toMatchObject({ state: 'answered' });
});

it('takes part in health like any other platform', async () => {
  const reports = await router.check({ expected: 4 });

  expect(reports.map(({ platform }) => platform).sort()).toEqual([...NAMES].sort());
  for (const report of reports) expect(report).toMatchObject({ lifecycle: 'ready', health: { status: 'ok', details: { hookedUp: false } } });
});

it('can be switched off one by one, and its messages wait', async () => {
  await router.directory.desire('tiktok', { enabled: false });
  await router.untilState('tiktok', 'disabled');
  const id = await router.send('tiktok');
  expect(await router.ask('minecraft')).toMatchObject({ state: 'answered' });
  expect(await router.ledger.read(id)).toMatchObject({ state: 'queued' });

  await router.directory.desire('tiktok', { enabled: true });
  expect(await router.settled(id)).toMatchObject({ state: 'answered' });
});

it('answers at its door whether it is live, ready and flowing', async () => {
  for (const path of ['live', 'ready', 'flow']) await until(async () => expect([path, (await fetch(`${app.url}/health/${path}`)).status]).toEqual([path, 200]));
});
