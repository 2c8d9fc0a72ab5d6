import { randomUUID } from 'node:crypto';
import { configFrom } from '@conductor/config';
import { openPlatforms, type PlatformStage, until } from '@conductor/testing';
import { brain } from './brain';
import { brainConfig } from './brain-config';
import { ChatEndpointDouble } from './testing/chat-endpoint-double';

describe('what is remembered of a conversation', () => {
  let endpoint: ChatEndpointDouble;
  let stage: PlatformStage;
  beforeAll(async () => {
    endpoint = await ChatEndpointDouble.start();
    stage = await openPlatforms([brain(brainConfig(configFrom({ BRAIN_URL: endpoint.url, BRAIN_MODEL: 'tiny' })))]);
    await until(async () => expect((await stage.router.presences.all())[0]?.lifecycle).toMatch(/ready|degraded/));
  });
  afterAll(async () => {
    await stage.close();
    await endpoint.down();
  });

  const say = (owner: string, content: string, named: object = { source: 'android', user: 'bob', conversation: 'android_bob' }) => stage.router.ask('brain', { owner, content, ...named });
  const told = () => endpoint.asked.at(-1)!.messages.map(({ content }) => content);

  it.each(['platform/android/user/mallory', 'key/key-0123456789ab', 'plugin/chat/android', 'plugin/other/android'])('is out of reach for %s, whatever it says of itself', async (stranger) => {
    const bob = `platform/android/user/bob-${randomUUID()}`;
    await say(bob, 'my code is 1234');
    await say(stranger, 'what is my code?');
    expect(told()).toEqual(['what is my code?']);

    await say(bob, 'what is my code?');
    expect(told()).toContain('my code is 1234');
    expect(told()).not.toContain('you said: what is my code?');
    await say(bob, 'forget it', { source: 'android', user: 'bob' });
    expect(told()).toEqual(['forget it']);
  });
});
