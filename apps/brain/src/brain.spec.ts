import { type RunningApp, startApp } from '@conductor/http';
import { checkPlatformContract } from '@conductor/platform-kit';
import { forget, RouterDouble, testConfig, until } from '@conductor/testing';
import { brain } from './brain';
import { brainConfig } from './brain-config';
import { BrainModule } from './brain.module';
import { ChatEndpointDouble } from './testing/chat-endpoint-double';

let running: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of running.reverse()) await stop();
  running = [];
});

const start = async (env: Record<string, string> = {}): Promise<{ app: RunningApp; router: RouterDouble }> => {
  const config = testConfig(env);
  const router = await RouterDouble.open(config);
  const app = await startApp('brain', (context) => BrainModule.register(context), config);
  running.push(() => forget(config), () => router.close(), () => app.stop());
  return { app, router };
};

const statusOf = async (app: RunningApp, path: string) => (await fetch(`${app.url}/health/${path}`)).status;

describe('the brain without a language model', () => {
  it('keeps the contract of every platform', async () => {
    expect(await checkPlatformContract(brain(brainConfig(testConfig())))).toEqual([]);
  });

  it('echoes, and says that it does', async () => {
    const { router } = await start();

    expect(await router.ask('brain', { content: 'good morning' })).toMatchObject({ state: 'answered', answer: { text: 'Echo (no language model is configured): good morning', echo: true } });
    expect((await router.check())[0]).toMatchObject({ health: { status: 'ok', reason: expect.stringContaining('BRAIN_URL') } });
  });

  it('answers to whoever wants the answer as a message', async () => {
    const { router } = await start();
    const record = await router.ask('brain', { source: 'android', replyTo: { platform: 'android' } });

    expect(await router.inbound()).toMatchObject([{ type: 'answer', request: { id: record.id }, answer: { echo: true } }]);
  });
});

describe('the brain with a language model', () => {
  it('answers with it, also when it starts after the brain, and its door is open all the while', async () => {
    const endpoint = await ChatEndpointDouble.start();
    running.push(() => endpoint.down());
    await endpoint.down();
    const { app, router } = await start({ BRAIN_URL: `${endpoint.url}/`, BRAIN_MODEL: 'tiny' });
    await router.untilState('brain', 'degraded');
    await until(async () => expect([await statusOf(app, 'live'), await statusOf(app, 'ready'), await statusOf(app, 'flow')]).toEqual([200, 200, 200]));
    const id = await router.send('brain', { content: 'wait for it' });

    await endpoint.up();

    expect(await router.settled(id)).toMatchObject({ state: 'answered', answer: { text: 'you said: wait for it', model: 'tiny' } });
  });
});
