import { randomUUID } from 'node:crypto';
import { DeliveryFailure } from '@conductor/platform-kit';
import { until } from '@conductor/testing';
import { RouterHarness, type ScriptedPlatform } from './testing/harness';

describe('the router', () => {
  let system: RouterHarness;
  let discord: ScriptedPlatform;

  beforeAll(async () => {
    system = await RouterHarness.start();
    discord = await system.platform('discord');
    await system.platform('android');
  });
  afterAll(() => system.stop());

  const message = (overrides: object = {}) => ({ target: 'discord', kind: 'message', content: 'hello', ...overrides });

  it('brings a message to its platform and the answer back, with its timings', async () => {
    const { status, body } = await system.send(message());

    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'answered', platform: 'discord', answer: { text: 'discord heard hello' } });
    expect(body['timings']).toEqual({ queuedMs: expect.any(Number), platformMs: expect.any(Number), overheadMs: expect.any(Number) });
  });

  it('takes a message without waiting for the answer, and tells later how it went', async () => {
    const { status, body } = await system.send<{ id: string }>(message({ waitFor: 'acceptance' }));

    expect(status).toBe(202);
    await until(async () => expect(await system.record(body.id)).toMatchObject({ state: 'answered', answer: { text: 'discord heard hello' } }));
    const { trail } = await system.record(body.id);
    expect(trail.map(({ step }) => step)).toEqual(['accepted', 'routed', 'started', 'answered']);
    expect(trail[1]).toMatchObject({ rule: 'explicit-target', platform: 'discord' });
  });

  it('answers a repeated id with the first answer and asks the platform once', async () => {
    const id = `once-${randomUUID()}`;
    const first = await system.send(message({ id }));
    const again = await system.send(message({ id }));

    expect(again.status).toBe(200);
    expect(again.body['answer']).toEqual(first.body['answer']);
    expect(discord.asked.filter((request) => request.id === id)).toHaveLength(1);
  });

  it('answers ten simultaneous arrivals of one id alike and asks the platform once', async () => {
    const id = `ten-${randomUUID()}`;
    const all = await Promise.all(Array.from({ length: 10 }, () => system.send(message({ id }))));

    expect(all.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(discord.asked.filter((request) => request.id === id)).toHaveLength(1);
  });

  it('gives a second arrival of an idempotency key the answer of the first', async () => {
    const idempotencyKey = randomUUID();
    const first = await system.send<{ id: string }>(message({ idempotencyKey }));
    const again = await system.send<{ id: string }>(message({ idempotencyKey }));

    expect(again.body.id).toBe(first.body.id);
    expect((await system.send(message({ idempotencyKey, content: 'something else' }))).body.code).toBe('idempotency-key-reused');
  });

  it('carries the correlation id to the platform', async () => {
    const { headers, body } = await system.send<{ id: string }>(message());

    expect(discord.asked.find(({ id }) => id === body.id)?.trace).toBe(headers.get('x-request-id'));
  });

  describe('refuses', () => {
    it.each([
      ['a body that is no JSON', '{"kind":', 400, 'invalid-json'],
      ['a wrong field', { kind: 'message', content: '' }, 400, 'invalid-request'],
      ['a field nobody knows', { kind: 'message', content: 'x', colour: 'red' }, 400, 'invalid-request'],
      ['a deadline beyond 120 s', { kind: 'message', content: 'x', deadlineMs: 120_001 }, 400, 'invalid-request'],
      ['a body over 1 MiB', { kind: 'message', content: 'x'.repeat(1_100_000) }, 413, 'body-too-large'],
      ['a platform that never was', { target: 'myspace', kind: 'message', content: 'x' }, 422, 'unknown-platform'],
    ])('%s', async (_what, body, status, code) => {
      const answer = await system.send(body);

      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer).toMatchObject({ status, body: { code, status, detail: expect.any(String) } });
    });

    it('naming each wrong field', async () => {
      const { body } = await system.send({ target: 'Discord!', kind: 7, content: 'x', deadlineMs: 0, extra: 1 });

      expect(body.errors?.map(({ field }) => field).sort()).toEqual(['deadlineMs', 'extra', 'kind', 'target']);
    });

    it('callers without a key, and keys that may only look', async () => {
      expect((await system.send(message(), { key: null })).status).toBe(401);
      expect((await system.send(message(), { key: await system.createKey('viewer') })).status).toBe(403);
      expect((await system.send(message(), { key: await system.createKey('ingress') })).status).toBe(200);
    });

    it('an id that belongs to another message', async () => {
      const id = `mine-${randomUUID()}`;
      await system.send(message({ id }));

      expect(await system.send(message({ id, content: 'other' }))).toMatchObject({ status: 409, body: { code: 'id-conflict', request: { id } } });
    });
  });

  describe('when a platform fails a message', () => {
    afterEach(() => {
      discord.behave = async () => ({ text: 'well again' });
    });

    it('tells the deadline and what became of the message', async () => {
      discord.behave = (_request, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      const { status, body } = await system.send<{ request: { id: string } }>(message({ deadlineMs: 200 }));

      expect({ status, ...body }).toMatchObject({ status: 504 });
      expect(body).toMatchObject({ code: 'deadline-exceeded', request: { id: expect.any(String), state: expect.any(String) } });
      await until(async () => expect(await system.deadLetters.get(body.request.id)).toMatchObject({ platform: 'discord', code: 'timeout' }));
    });

    it('ends what nobody took up by its deadline, tells its whole way, and never has it carried out later', async () => {
      const slow = await system.platform('slow', { concurrency: 1 });
      let release = () => {};
      slow.behave = ({ kind }) => (kind === 'message' ? new Promise((resolve) => (release = () => resolve({ text: 'at last' }))) : Promise.resolve({}));
      const first = system.send(message({ target: 'slow' }));
      await until(() => expect(slow.asked).toHaveLength(1));

      const { status, body } = await system.send<{ request: { id: string } }>(message({ target: 'slow', deadlineMs: 200 }));
      release();

      expect({ status, code: body.code, request: body.request }).toMatchObject({ status: 504, code: 'deadline-exceeded', request: { state: 'dead-lettered' } });
      expect((await first).status).toBe(200);
      // Behind it in the queue: once this one is through, it had its turn.
      expect((await system.send(message({ target: 'slow', kind: 'last' }))).status).toBe(200);
      const { state, trail } = await system.record(body.request.id);
      expect([state, ...trail.map(({ step }) => step)]).toEqual(['dead-lettered', 'accepted', 'routed', 'expired']);
      expect((await system.deadLetters.get(body.request.id))?.attempts.map(({ step }) => step)).toEqual(['accepted', 'routed']);
      expect(slow.asked.map(({ id }) => id)).not.toContain(body.request.id);
    });

    it('dead-letters what the platform refuses, with every attempt', async () => {
      discord.behave = async () => {
        throw DeliveryFailure.never({ code: 'chat-not-found', message: 'there is no such chat' });
      };
      const { status, body } = await system.send<{ request: { id: string } }>(message());

      expect({ status, code: body.code }).toEqual({ status: 422, code: 'rejected' });
      expect(await system.deadLetters.get(body.request.id)).toMatchObject({
        code: 'chat-not-found', reason: 'there is no such chat', platform: 'discord', request: { content: 'hello' },
        attempts: expect.arrayContaining([expect.objectContaining({ step: 'failed', attempt: 1, code: 'chat-not-found' })]),
      });
    });

    it('tries again what may work next time', async () => {
      let tries = 0;
      discord.behave = async () => {
        if (++tries === 1) throw DeliveryFailure.retry({ code: 'bad-gateway', message: 'bad gateway' });
        return { text: 'at last' };
      };

      expect(await system.send(message())).toMatchObject({ status: 200, body: { answer: { text: 'at last' } } });
    });

    it('hands it to the fallback of its route', async () => {
      await system.use([{ id: 'chat', match: { kind: ['chat'] }, target: 'discord', fallbacks: ['android'] }]);
      discord.behave = async () => {
        throw DeliveryFailure.never({ code: 'chat-not-found', message: 'there is no such chat' });
      };
      let answer: Awaited<ReturnType<typeof system.send<{ id: string }>>>;
      await until(async () => {
        answer = await system.send<{ id: string }>({ kind: 'chat', content: 'hello' });
        expect(answer).toMatchObject({ status: 200, body: { platform: 'android' } });
      });
      const { trail } = await system.record(answer!.body.id);
      expect(trail.map(({ step }) => step)).toEqual(['accepted', 'routed', 'started', 'failed', 'rerouted', 'routed', 'started', 'answered']);
    });
  });

  describe('when a platform is not available', () => {
    afterEach(async () => {
      await system.directory.desire('discord', { enabled: true });
      await system.judge('discord', 'ready');
      // The next message is the probe that closes the breaker.
      await until(async () => expect((await system.send(message())).status).toBe(200));
    });

    it('passes it over for its fallback, and explains why', async () => {
      await system.use([{ id: 'chat', match: { kind: ['chat'] }, target: 'discord', fallbacks: ['android'] }]);
      await system.judge('discord', 'failed', 'all 1 instances are silent');

      await until(async () => expect(await system.send({ kind: 'chat', content: 'x' })).toMatchObject({ status: 200, body: { platform: 'android' } }));
      const { body } = await system.send<{ candidates: unknown[] }>({ kind: 'chat', content: 'x' }, { path: '/v1/routes/explain' });
      expect(body).toMatchObject({
        rule: 'chat', target: 'discord', fallbacks: ['android'], decision: { platform: 'android', why: expect.stringContaining('silent') },
        candidates: [{ platform: 'discord', available: false, state: 'failed' }, { platform: 'android', available: true }],
      });
    });

    it('dead-letters at once what somebody waits for, and says when to come again', async () => {
      await system.judge('discord', 'failed', 'all 1 instances are silent');
      let answer: Awaited<ReturnType<typeof system.send<{ request: { id: string } }>>>;
      await until(async () => {
        answer = await system.send<{ request: { id: string } }>(message());
        expect(answer).toMatchObject({ status: 503, body: { code: 'platform-unavailable', request: { state: 'dead-lettered' } } });
      });

      expect(Number(answer!.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await system.deadLetters.get(answer!.body.request.id)).toMatchObject({ code: 'platform-unavailable', reason: expect.stringContaining('silent') });
    });

    it('lets messages nobody waits for wait, and delivers them when it is back', async () => {
      await system.directory.desire('discord', { enabled: false, reason: 'maintenance' });
      await until(async () => expect((await system.send(message())).status).toBe(503));
      const { body } = await system.send<{ id: string }>(message({ waitFor: 'acceptance', content: 'later' }));
      expect(await system.record(body.id)).toMatchObject({ state: 'queued', trail: expect.arrayContaining([expect.objectContaining({ step: 'passed-over', platform: 'discord' }), expect.objectContaining({ step: 'held' })]) });

      await system.directory.desire('discord', { enabled: true });
      await system.judge('discord', 'ready');
      // In the whole system the conductor's registrar gives this permit.
      const { connections, notices } = system.routers[0]!.context;
      await until(async () => {
        for (const [instance, json] of Object.entries(await connections.commands.hgetall(`${connections.namespace}:presences`))) {
          if (json.includes('"discord"')) await notices.publish({ type: 'start-permit', platform: 'discord', instance });
        }
        expect(await system.record(body.id)).toMatchObject({ state: 'answered' });
      });
    });
  });

  it('opens the breaker of a failing operation, lets one probe through, and closes it when that succeeds', async () => {
    let probes = 0;
    discord.behave = async (request) => {
      if (request.kind !== 'flaky') return { text: 'fine' };
      probes++;
      throw DeliveryFailure.never({ code: 'broken', message: 'broken', class: 'error' });
    };
    const flaky = () => system.send(message({ kind: 'flaky' }));
    await until(async () => expect(await flaky()).toMatchObject({ status: 503, body: { detail: expect.stringContaining('circuit breaker') } }));
    expect((await system.send(message())).status).toBe(200);

    discord.behave = async () => ({ text: 'mended' });
    const before = probes;
    await until(async () => expect(await flaky()).toMatchObject({ status: 200, body: { answer: { text: 'mended' } } }));
    expect(probes).toBe(before);
  });

  it('keeps the breaker closed when one sender gives a platform less time than it usually takes', async () => {
    const slow = await system.platform('slow', { concurrency: 50 });
    slow.behave = async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return { text: 'well considered' };
    };
    const send = (deadlineMs: number) => system.send(message({ target: 'slow', deadlineMs }));
    await Promise.all(Array.from({ length: 5 }, () => send(20_000)));

    const hopeless = await Promise.all(Array.from({ length: 20 }, () => send(20)));

    expect(new Set(hopeless.map(({ status }) => status))).toEqual(new Set([504]));
    expect(await send(20_000)).toMatchObject({ status: 200, body: { answer: { text: 'well considered' } } });
  });

  it('holds what may wait while a breaker is open, and sends it when the breaker lets it', async () => {
    await system.directory.desire('discord', { forcedBreaker: 'open' });
    await until(async () => expect((await system.send(message())).status).toBe(503));
    const { body } = await system.send<{ id: string }>(message({ waitFor: 'acceptance', content: 'patience' }));
    const stepsOf = async () => (await system.record(body.id)).trail.filter(({ step }) => step === 'held').length;
    await until(async () => expect(await stepsOf()).toBeGreaterThanOrEqual(2));
    expect(discord.asked.some(({ id }) => id === body.id)).toBe(false);

    await system.directory.desire('discord', { forcedBreaker: null });
    await until(async () => expect(await system.record(body.id)).toMatchObject({ state: 'answered' }));
  });

  it('answers at the router that was asked, though several share the queues', async () => {
    await system.addRouter();
    await until(async () => expect((await fetch(`${system.routers[1]!.url}/health/ready`)).status).toBe(200));
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => system.send(message({ content: `m${n}` }), { router: n % 2 })));

    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
  });
});
