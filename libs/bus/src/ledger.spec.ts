import { randomUUID } from 'node:crypto';
import type { Request, TrailStep } from '@conductor/contracts';
import { forget, openTestContext } from '@conductor/testing';
import { keysOf, Ledger, linesOf, type Settlement } from './index';

const RETENTION = { retentionMs: 60_000, keyedRetentionMs: 600_000, ttlMs: 6_000_000 };

const requestOf = (more: Partial<Request> = {}): Request => ({
  id: `m-${randomUUID()}`,
  source: 'test',
  kind: 'message',
  content: 'hello',
  deadlineMs: 5_000,
  waitFor: 'answer',
  receivedAt: Date.now(),
  trace: randomUUID(),
  ...more,
});
const step = (name: TrailStep['step'], more: Partial<TrailStep> = {}): TrailStep => ({ at: Date.now(), step: name, ...more });
const answered = (text: string): Settlement => ({ state: 'answered', answer: { text }, platform: 'discord' });
const buried: Settlement = { state: 'dead-lettered', code: 'gone', reason: 'the chat is gone' };

/** As many as there are, all at once. */
const atOnce = <T>(times: number, act: (index: number) => Promise<T>) => Promise.all(Array.from({ length: times }, (_, index) => act(index)));
const count = <T>(values: T[], wanted: T) => values.filter((value) => value === wanted).length;

describe('the ledger', () => {
  let context: Awaited<ReturnType<typeof openTestContext>>;
  let ledger: Ledger;

  beforeAll(async () => {
    context = await openTestContext('router');
    ledger = new Ledger(context.connections.commands, context.connections.namespace, RETENTION);
  });
  afterAll(async () => {
    await context.resources.drain();
    await forget(context.config);
  });

  /** A message that was let in. */
  const accepted = async (more: Partial<Request> = {}) => {
    const request = requestOf(more);
    await ledger.accept(request, [step('accepted'), step('routed', { platform: 'discord' })]);
    return request;
  };
  const claim = (request: Request, job: string) => ledger.claim(request, job, 'discord', step('started', { platform: 'discord' }));
  const stateOf = async ({ id }: Request) => (await ledger.read(id))?.state;
  const keptForMs = ({ id }: Request) => context.connections.commands.pttl(keysOf(context.connections.namespace).request(id));
  const loseRecord = ({ id }: Request) => context.connections.commands.del(keysOf(context.connections.namespace).request(id));

  describe('letting messages in', () => {
    it('lets a message in once, however many bring it at the same time', async () => {
      const request = requestOf();

      const acceptances = await atOnce(20, () => ledger.accept(request, [step('accepted')]));

      expect(acceptances.filter(({ fresh }) => fresh)).toHaveLength(1);
      expect(acceptances.filter(({ fresh }) => !fresh)).toEqual(Array(19).fill({ fresh: false, id: request.id, sameContent: true, state: 'queued' }));
      expect((await ledger.read(request.id))?.trail).toHaveLength(1);
    });

    it.each<[string, Partial<Request>, boolean]>([
      ['the same message that waits less long', { deadlineMs: 1, receivedAt: 1, trace: 'other' }, true],
      ['the same fields in another order', { content: { b: [1, { d: 4, c: 3 }], a: 'x' } }, true],
      ['another content', { content: { a: 'y', b: [1, { c: 3, d: 4 }] } }, false],
      ['another target', { target: 'voice' }, false],
      ['another user', { user: 'bob' }, false],
    ])('tells whether it is the same message when the id comes again with %s', async (_, more, sameContent) => {
      const request = requestOf({ content: { a: 'x', b: [1, { c: 3, d: 4 }] } });
      await ledger.accept(request, [step('accepted')], 'chosen');
      await claim(request, 'job-1');

      expect(await ledger.accept({ ...request, ...more }, [step('accepted')], 'chosen')).toEqual({ fresh: false, id: request.id, sameContent, state: 'active' });
    });

    it('gives an idempotency key to the first who asks', async () => {
      const owners = await atOnce(20, (index) => ledger.bindKey('test', 'order-66', `m-${index}`));

      expect(new Set(owners).size).toBe(1);
      expect(await ledger.bindKey('test', 'order-66', 'm-late')).toBe(owners[0]);
      expect(await ledger.bindKey('another-source', 'order-66', 'm-late')).toBe('m-late');
    });

    it('knows nothing of a message that never was', async () => {
      expect(await ledger.read('m-nobody')).toBeUndefined();
    });
  });

  describe('taking messages in hand', () => {
    it('gives a message to one of many workers', async () => {
      const request = await accepted();

      const claims = await atOnce(20, (index) => claim(request, `job-${index}`));

      expect(count(claims, 'go')).toBe(1);
      expect(count(claims, 'elsewhere')).toBe(19);
    });

    it('tells a job that was started before that it was interrupted', async () => {
      const request = await accepted();
      await claim(request, 'job-1');

      expect(await claim(request, 'job-1')).toBe('interrupted');
    });

    it('gives it out again when it was put back, to whomever', async () => {
      const request = await accepted();
      await claim(request, 'job-1');

      expect(await ledger.move(request.id, 'waiting', [step('retry')])).toBe(true);

      expect(await claim(request, 'job-2')).toBe('go');
    });

    it.each<Settlement>([answered('done'), buried, { state: 'discarded' }])('gives out nothing that is $state', async (settlement) => {
      const request = await accepted();
      await ledger.settle(request, settlement, step('answered'));

      expect(await claim(request, 'job-1')).toBe('settled');
      expect(await ledger.claim(request, 'job-1', 'discord', step('started'), linesOf([step('accepted')]))).toBe('settled');
      expect(await stateOf(request)).toBe(settlement.state);
    });

    it('writes down a message that comes with its first steps, once, however often it is taken up', async () => {
      const request = requestOf();
      const take = (job: string) => ledger.claim(request, job, 'discord', step('started'), linesOf([step('accepted'), step('routed')]));

      expect(await take('job-1')).toBe('go');
      expect([await take('job-1'), await take('job-2')]).toEqual(['interrupted', 'elsewhere']);

      const record = await ledger.read(request.id);
      expect(record).toMatchObject({ state: 'active', platform: 'discord', request });
      expect(record?.trail.map(({ step }) => step)).toEqual(['accepted', 'routed', 'started', 'started']);
      expect(await keptForMs(request)).toBeGreaterThan(RETENTION.keyedRetentionMs);
    });

    it('writes a message down again that waited longer than its record was kept', async () => {
      const request = await accepted();
      await loseRecord(request);

      expect(await claim(request, 'job-1')).toBe('go');

      expect(await ledger.read(request.id)).toMatchObject({ state: 'active', platform: 'discord', request });
      expect(await claim(request, 'job-2')).toBe('elsewhere');
    });
  });

  describe('settling messages', () => {
    it('settles a message once, however many say how it ended, and the first word stands', async () => {
      const request = await accepted();
      await claim(request, 'job-1');

      const settlements = await atOnce(20, (index) => ledger.settle(request, answered(`answer ${index}`), step('answered')));

      expect(count(settlements, true)).toBe(1);
      expect(await ledger.read(request.id)).toMatchObject({ state: 'answered', answer: { text: `answer ${settlements.indexOf(true)}` } });
    });

    it('writes down a message that nobody has claimed together with its end, once', async () => {
      const request = requestOf();
      const end = () => ledger.settle(request, answered('yes'), step('answered'), { unwritten: linesOf([step('accepted'), step('started')]) });

      expect([await end(), await end()]).toEqual([true, false]);

      const record = await ledger.read(request.id);
      expect(record).toMatchObject({ state: 'answered', platform: 'discord', request, answer: { text: 'yes' } });
      expect(record?.trail.map(({ step }) => step)).toEqual(['accepted', 'started', 'answered']);
      expect(await claim(request, 'job-1')).toBe('settled');
      expect(await keptForMs(request)).toBeLessThanOrEqual(RETENTION.retentionMs);
    });

    it('lets one of an answer and an expiry win, never both', async () => {
      for (let round = 0; round < 20; round++) {
        const request = await accepted();
        const [claimed, expired] = await Promise.all([claim(request, 'job-1'), ledger.settle(request, buried, step('expired'), { condition: 'unless-active' })]);

        expect([claimed, expired]).toEqual(claimed === 'go' ? ['go', false] : ['settled', true]);
      }
    });

    it('leaves alone what a platform has in hand when it should expire unless that is so', async () => {
      const request = await accepted();
      await claim(request, 'job-1');

      expect(await ledger.settle(request, buried, step('expired'), { condition: 'unless-active' })).toBe(false);
      expect(await stateOf(request)).toBe('active');
    });

    it('ends what still waits when it should expire unless a platform has it in hand', async () => {
      const request = await accepted();
      await claim(request, 'job-1');
      await ledger.move(request.id, 'waiting', [step('postponed')]);

      expect(await ledger.settle(request, buried, step('expired'), { condition: 'unless-active' })).toBe(true);
      expect(await ledger.read(request.id)).toMatchObject({ state: 'dead-lettered', code: 'gone', reason: 'the chat is gone' });
    });

    it('does not show the end of an earlier try once the message is under way again', async () => {
      const request = await accepted();
      await ledger.settle(request, buried, step('dead-lettered'));
      await ledger.move(request.id, 'redriving', [step('redriven')]);

      expect(await ledger.read(request.id)).not.toHaveProperty('reason');
    });

    it('tells the way of a message in the order in which it went, whatever the clocks of its workers say', async () => {
      const request = await accepted();
      const fast = { at: Date.now() + 60_000 };
      const slow = { at: Date.now() - 60_000 };
      await ledger.claim(request, 'job-1', 'discord', step('started', fast));
      await ledger.move(request.id, 'waiting', [step('failed', fast), step('retry', fast)]);
      for (let job = 2; job < 6; job++) {
        await ledger.claim(request, `job-${job}`, 'discord', step('started', slow));
        await ledger.move(request.id, 'waiting', [step('postponed', slow)]);
      }
      await ledger.settle(request, answered('done'), step('answered', slow));

      const again = Array.from({ length: 4 }, () => ['started', 'postponed']).flat();
      expect((await ledger.read(request.id))?.trail.map(({ step: name }) => name)).toEqual(['accepted', 'routed', 'started', 'failed', 'retry', ...again, 'answered']);
    });
  });

  describe('moving messages', () => {
    it('moves nothing that was answered or discarded', async () => {
      for (const state of ['answered', 'discarded'] as const) {
        const request = await accepted();
        await ledger.settle(request, { state }, step(state));

        expect(await ledger.move(request.id, 'redriving', [step('redriven')])).toBe(false);
        expect(await stateOf(request)).toBe(state);
      }
    });

    it('moves a dead-lettered message by a redrive only, and then it may be tried, and end, again', async () => {
      const request = await accepted();
      await ledger.settle(request, buried, step('dead-lettered'));

      expect(await ledger.move(request.id, 'queued', [step('routed')])).toBe(false);
      expect(await ledger.move(request.id, 'redriving', [step('redriven')])).toBe(true);
      expect(await ledger.move(request.id, 'queued', [step('routed')])).toBe(true);
      expect(await claim(request, 'job-9')).toBe('go');
      expect(await ledger.settle(request, answered('at last'), step('answered'))).toBe(true);
      expect(await ledger.read(request.id)).toMatchObject({ state: 'answered', answer: { text: 'at last' } });
    });

    it('ends a dead-lettered message for good when it is discarded', async () => {
      const request = await accepted();
      await ledger.settle(request, buried, step('dead-lettered'));

      expect(await ledger.settle(request, { state: 'discarded', reason: 'too old' }, step('discarded'))).toBe(true);
      expect(await ledger.move(request.id, 'redriving', [step('redriven')])).toBe(false);
    });

    it('gives out nothing that was settled after its record was lost', async () => {
      const request = await accepted();
      await loseRecord(request);
      await ledger.settle(request, answered('done'), step('answered'));

      expect(await claim(request, 'job-1')).toBe('settled');
    });

    it('knows a redriven message again whose record was over: its letter is kept longer', async () => {
      const request = await accepted();
      await ledger.settle(request, buried, step('dead-lettered'));
      await loseRecord(request);

      await ledger.move(request.id, 'redriving', [step('redriven')]);
      await ledger.move(request.id, 'queued', [step('routed')]);
      expect(await claim(request, 'job-1')).toBe('go');

      expect(await ledger.read(request.id)).toMatchObject({ state: 'active', request });
      expect(await keptForMs(request)).toBeGreaterThan(0);
    });
  });

  describe('keeping messages', () => {
    it.each<[string, Partial<Request>, Settlement | undefined, number]>([
      ['what is not settled', {}, undefined, RETENTION.ttlMs],
      ['an answer that nobody can ask for by a key', {}, answered('done'), RETENTION.retentionMs],
      ['an answer whose id or key the caller chose', { keyed: true }, answered('done'), RETENTION.keyedRetentionMs],
      ['a dead letter', {}, buried, RETENTION.ttlMs],
      ['what was discarded', {}, { state: 'discarded' }, RETENTION.keyedRetentionMs],
    ])('keeps %s for its time', async (_, more, settlement, keptMs) => {
      const request = await accepted(more);
      if (settlement) await ledger.settle(request, settlement, step('answered'));

      const ms = await keptForMs(request);
      expect(ms).toBeLessThanOrEqual(keptMs);
      expect(ms).toBeGreaterThan(keptMs - 30_000);
    });

    it('keeps nothing for ever, not even a move of what it never saw', async () => {
      const stranger = requestOf();

      await ledger.move(stranger.id, 'rerouting', [step('rerouted')]);

      expect(await keptForMs(stranger)).toBeGreaterThan(0);
    });
  });

  it('keeps large contents of messages that are over while they take 256 MB at most together, the newest longest', async () => {
    const { commands, namespace } = context.connections;
    const over = async (megabytes: number) => {
      const request = await ledger.checkIn(requestOf({ content: 'x'.repeat(100_000) }));
      await ledger.accept(request, [step('accepted')]);
      await ledger.settle({ ...request, claimCheck: { ...request.claimCheck!, bytes: megabytes * 1_048_576 } }, answered('hi'), step('answered'));
      return request;
    };
    const isWhole = async ({ id }: Request) => !(await ledger.read(id))!.request.claimCheck;
    const [first, second] = [await over(100), await over(100)];
    expect(await isWhole(first)).toBe(true);

    const third = await over(100);

    expect(await Promise.all([first, second, third].map(isWhole))).toEqual([false, true, true]);
    expect(await commands.get(`{${namespace}.ledger}:retained:bytes`)).toBe(String(200 * 1_048_576));
    expect((await ledger.read(first.id))?.request.content).toBe('x'.repeat(16_384));
  });
});
