import { randomUUID } from 'node:crypto';
import { QueueProducer } from '@conductor/bus';
import { inboundQueue, type Request } from '@conductor/contracts';
import { DeliveryFailure } from '@conductor/platform-kit';
import { until } from '@conductor/testing';
import { RouterHarness, type ScriptedPlatform } from '../testing/harness';

describe('the router on the bus', () => {
  let system: RouterHarness;
  let discord: ScriptedPlatform;
  let android: ScriptedPlatform;
  let inbound: QueueProducer<typeof inboundQueue>;

  beforeAll(async () => {
    system = await RouterHarness.start();
    discord = await system.platform('discord');
    android = await system.platform('android');
    const { connections } = system.routers[0]!.context;
    inbound = new QueueProducer(inboundQueue, connections.forProducer(), connections.namespace);
    await connections.untilReady();
  });
  afterAll(async () => {
    await inbound.close();
    await system.stop();
  });

  const request = (overrides: Partial<Request> = {}): Request => ({
    id: `bus-${randomUUID()}`, target: 'discord', source: 'android', user: 'anna', conversation: 'c1', kind: 'message', content: 'hi', deadlineMs: 5_000, waitFor: 'acceptance', receivedAt: Date.now(), trace: randomUUID(), ...overrides,
  });

  it('brings the answer to a message back to its platform as a message', async () => {
    const asked = request({ replyTo: { platform: 'android' } });
    await inbound.add(`j-${asked.id}`, { items: [{ type: 'request', request: asked }] });

    await until(() => expect(android.asked.find(({ inReplyTo }) => inReplyTo === asked.id)).toMatchObject({ kind: 'answer', user: 'anna', conversation: 'c1', id: `${asked.id}.answer` }));
  });

  it('tells a platform that waits for an answer when none will come, and keeps the reason to operators', async () => {
    discord.behave = async () => {
      throw DeliveryFailure.never({ code: 'chat-not-found', message: 'there is no such chat' });
    };
    const asked = request({ replyTo: { platform: 'android' } });
    await inbound.add(`j-${asked.id}`, { items: [{ type: 'request', request: asked }] });

    await until(() => expect(android.asked.find(({ inReplyTo }) => inReplyTo === asked.id)).toMatchObject({ kind: 'failure', user: 'anna', content: { failed: true, code: 'chat-not-found', text: `Sorry, your message could not be answered. Whoever runs this finds the reason under ${asked.id}.` } }));
    expect(JSON.stringify(android.asked)).not.toContain('no such chat');
    expect(await system.deadLetters.get(asked.id)).toMatchObject({ code: 'chat-not-found', reason: 'there is no such chat' });
    discord.behave = async () => ({ text: 'well again' });
  });

  it('takes the same message in once, however often it arrives', async () => {
    const asked = request();
    await Promise.all([1, 2, 3].map((n) => inbound.add(`j${n}-${asked.id}`, { items: [{ type: 'request', request: asked }] })));

    await until(async () => expect(await system.record(asked.id)).toMatchObject({ state: 'answered' }));
    expect(discord.asked.filter(({ id }) => id === asked.id)).toHaveLength(1);
  });

  it('redrives a dead letter under its own id, and only while it is not answered', async () => {
    discord.behave = async () => {
      throw DeliveryFailure.never({ code: 'chat-not-found', message: 'there is no such chat' });
    };
    const { body } = await system.send<{ request: { id: string } }>({ target: 'discord', kind: 'message', content: 'redrive me' });
    const { id } = body.request;
    const letter = (await system.deadLetters.get(id))!;
    discord.behave = async () => ({ text: 'found it' });
    const redrive = (n: number) => inbound.add(`redrive-${n}-${id}`, { items: [{ type: 'redrive', request: letter.request, task: `t${n}` }] });

    await redrive(1);
    await until(async () => expect(await system.record(id)).toMatchObject({ state: 'answered', answer: { text: 'found it' } }));
    await redrive(2);
    await until(async () => expect(await inbound.counts()).toMatchObject({ waiting: 0, active: 0 }));

    expect(discord.asked.filter((asked) => asked.id === id)).toHaveLength(2);
    expect(await system.deadLetters.get(id)).toBeUndefined();
  });
});
