import { QuotaExceeded, WaitingQuota } from '@conductor/bus';
import type { ControlNotice } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { RouterHarness, type ScriptedPlatform } from './testing/harness';

const MB = 1_048_576;

describe('what may wait', () => {
  let system: RouterHarness;
  let brain: ScriptedPlatform;
  let gate: PromiseWithResolvers<void>;
  let waiting: WaitingQuota;

  beforeAll(async () => {
    system = await RouterHarness.start({ QUOTA_ITEMS: '3', QUOTA_MB: '2', QUOTA_USER_ITEMS: '2', QUOTA_PLATFORM_ITEMS: '5' });
    brain = await system.platform('brain', { concurrency: 1 });
    const { connections } = system.routers[0]!.context;
    waiting = new WaitingQuota(connections.commands, connections.namespace);
  });
  beforeEach(() => {
    gate = Promise.withResolvers();
    brain.behave = async () => (await gate.promise, { text: 'done' });
  });
  afterEach(async () => {
    gate.resolve();
    await until(async () => expect((await waiting.waiting({ kind: 'platform', id: 'brain' })).items).toBe(0));
  });
  afterAll(() => system.stop());

  const post = (key: string, more: object = {}) => system.send({ kind: 'message', content: 'hello', waitFor: 'acceptance', ...more }, { key });
  const statuses = async (times: number, key: string, more: object = {}) => {
    const all: number[] = [];
    for (let n = 0; n < times; n++) all.push((await post(key, more)).status);
    return all;
  };

  it('of one key is bounded in number: the next is refused with 429, other keys are not, and there is room again when some are done', async () => {
    const [greedy, other] = [await system.createKey('ingress'), await system.createKey('ingress')];
    expect(await statuses(3, greedy)).toEqual([202, 202, 202]);

    const refused = await post(greedy);
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota-exceeded', detail: expect.stringMatching(/^3 messages .* of this key already, of 3 /) } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await post(other)).status).toBe(202);

    gate.resolve();
    await until(async () => expect((await post(greedy)).status).toBe(202));
  });

  it('of one key is bounded in bytes, and a message that is larger by itself is let in alone', async () => {
    const key = await system.createKey('ingress');

    expect(await statuses(3, key, { content: 'x'.repeat(0.9 * MB) })).toEqual([202, 202, 429]);
    expect((await post(key)).status).toBe(202);
  });

  it('for one platform is bounded for all keys together, and refused with 503', async () => {
    const keys = await Promise.all([1, 2, 3].map(() => system.createKey('ingress')));
    expect([await statuses(2, keys[0]!), await statuses(2, keys[1]!), await statuses(1, keys[2]!)].flat()).toEqual([202, 202, 202, 202, 202]);

    expect(await post(keys[2]!)).toMatchObject({ status: 503, body: { code: 'platform-full', detail: expect.stringContaining('the platform brain') } });
    // A caller who waits for an answer does not add to what waits for long.
    gate.resolve();
    expect((await post(keys[2]!, { waitFor: 'answer' })).status).toBe(200);
  });

  it('is refused for each user of a platform by himself', async () => {
    const phone = await system.platform('phone');
    const emit = (user: string) => phone.context!.emit({ kind: 'message', content: 'hello', user, target: 'brain' });
    await emit('ada');
    await emit('ada');

    await expect(emit('ada')).rejects.toThrow(QuotaExceeded);
    await expect(emit('ben')).resolves.toHaveProperty('id');
  });

  it('is counted where it is refused, and told as an event now and then', async () => {
    const events: ControlNotice[] = [];
    const router = system.routers[0]!;
    router.context.notices.on('quota', (notice) => events.push(notice));
    const key = await system.createKey('ingress');
    expect((await statuses(6, key)).filter((status) => status === 429)).toHaveLength(3);

    await until(() => expect(events).toMatchObject([{ refusal: { account: { kind: 'key' }, items: 3, reason: expect.stringContaining('messages') } }]));
    expect(await router.context.metrics.registry.getSingleMetricAsString('quota_refusals_total')).toMatch(/kind="key"[^}]*} \d+/);
  });

  it('forgets what a process that died has charged and nobody carries out, and nothing that waits', async () => {
    const key = await system.createKey('ingress');
    await post(key, { id: 'still-waits' });
    const limit = { items: 100, bytes: 100 * MB };
    await waiting.charge('gone', 1_000, [{ account: { kind: 'platform', id: 'brain' }, limit }]);
    const { ledger } = system;
    const over = (ids: string[]) => ledger.areSettled(ids);

    expect(await waiting.reconcile(over)).toBe(0);
    expect(await waiting.reconcile(over, Date.now() + 3_600_000)).toBe(1);
    expect((await waiting.waiting({ kind: 'platform', id: 'brain' })).items).toBe(1);
  });

  it('leaves nothing in Redis when nothing waits', async () => {
    await post(await system.createKey('ingress'));
    gate.resolve();

    const { commands, namespace } = system.routers[0]!.context.connections;
    await until(async () => expect(await commands.keys(`{${namespace}.quota}:*`)).toEqual([]));
  });
});
