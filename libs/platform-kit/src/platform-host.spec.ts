import { RedisUnavailable } from '@conductor/connections';
import { openPlatforms, type PlatformStage, ScriptedPlatform, until } from '@conductor/testing';
import { DeliveryFailure } from './index';

const [one, other] = [new ScriptedPlatform(), new ScriptedPlatform()];
let stage: PlatformStage;
const others: PlatformStage[] = [];
const openAnother = async (platform: ScriptedPlatform, how: Parameters<ScriptedPlatform['definition']>[1] = {}) => {
  const another = await openPlatforms([platform.definition('p', how)]);
  others.push(another);
  return another;
};
afterEach(() => Promise.all(others.splice(0).map((another) => another.close())));
beforeAll(async () => {
  stage = await openPlatforms([one.definition('one'), other.definition('other')]);
  await Promise.all([stage.router.untilState('one', 'ready'), stage.router.untilState('other', 'ready')]);
});
afterAll(() => stage.close());

const metric = async (name: string) => (await stage.context.metrics.registry.getSingleMetric(name)!.get()).values;

describe('platforms in one process', () => {
  it('have storage of their own', async () => {
    await one.context.storage.set('token', 'a');

    expect(await other.context.storage.get('token')).toBeUndefined();
    expect(await other.context.storage.keys()).toEqual([]);
  });

  it('do not wait for each other', async () => {
    one.onRequest = () => new Promise((resolve) => setTimeout(resolve, 300, {}));
    const slow = await stage.router.send('one');

    expect(await stage.router.ask('other')).toMatchObject({ state: 'answered' });
    expect((await stage.router.ledger.read(slow))!.state).not.toBe('answered');
    await stage.router.settled(slow);
  });

  it('answer a health check each for itself', async () => {
    other.onHealthCheck = async () => { throw new Error('no gateway'); };
    const reports = await stage.router.check({ expected: 2 });

    expect(Object.fromEntries(reports.map(({ platform, health }) => [platform, health.status]))).toEqual({ one: 'ok', other: 'failed' });
  });

  it('bring messages in, whose answers are to come back to them', async () => {
    const { id } = await one.context.emit({ kind: 'message', content: 'hi', user: 'ann', conversation: 'c' });
    const again = await one.context.emit({ id: 'chosen-1', kind: 'message', content: 'hi' });

    expect(again).toEqual({ id: 'chosen-1' });
    expect(await stage.router.inbound()).toContainEqual({
      type: 'request',
      request: expect.objectContaining({ id, source: 'one', kind: 'message', content: 'hi', user: 'ann', conversation: 'c', waitFor: 'acceptance', replyTo: { platform: 'one' } }),
    });
  });

  it('count what they do for the metrics', async () => {
    await stage.router.ask('other');
    one.context.metrics.count('gateway_resumes');
    one.context.metrics.observe('latency_ms', 12);

    expect(await metric('platform_request_duration_seconds')).toContainEqual(expect.objectContaining({ metricName: 'platform_request_duration_seconds_count', labels: expect.objectContaining({ platform: 'other', result: 'done' }) }));
    expect(await metric('platform_events_total')).toEqual([{ value: 1, labels: { platform: 'one', name: 'gateway_resumes' } }]);
    expect(await metric('platform_value')).toEqual([{ value: 12, labels: { platform: 'one', name: 'latency_ms' } }]);
  });

  it('tell whether the process is ready and its work is flowing', async () => {
    const [readiness] = stage.context.readiness;

    expect(await readiness!.check()).toMatchObject({ up: true });
    expect(stage.context.flow.map(({ name }) => name)).toEqual(['one', 'other']);
    for (const probe of stage.context.flow) expect(await probe.check()).toMatchObject({ up: true });
  });
});

it.each([
  ['an answer', async () => ({ text: 'done' }), { state: 'answered' }],
  ['a failure', async () => { throw new Error('no'); }, { state: 'dead-lettered', code: 'unexpected' }],
])('%s that Redis could not take is put down later, without asking the platform again', async (_, onRequest, end) => {
  const platform = new ScriptedPlatform();
  platform.onRequest = onRequest;
  const strict = await openAnother(platform, { attempts: 1, repeatable: false });
  jest.spyOn(strict.host.ledger, 'settle').mockRejectedValueOnce(new RedisUnavailable('away'));
  const id = await strict.router.send('p');

  expect(await strict.router.settled(id)).toMatchObject(end);
  expect(platform.timesAsked(id)).toBe(1);
  await until(() => expect(strict.router.repliesTo(id)).toHaveLength(1));
});

describe('a message that goes on', () => {
  /** However long the ledger takes, whoever gets the message next must not find it in our hands. */
  const openWithSlowLedger = async (failure: DeliveryFailure) => {
    const platform = new ScriptedPlatform();
    platform.onRequest = async () => {
      if (platform.requests.length === 1) throw failure;
      return { text: 'done' };
    };
    const slow = await openAnother(platform);
    const move = slow.host.ledger.move.bind(slow.host.ledger);
    jest.spyOn(slow.host.ledger, 'move').mockImplementation(async (...how) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return move(...how);
    });
    return slow;
  };

  it('is carried out when it comes again at once', async () => {
    const { router } = await openWithSlowLedger(DeliveryFailure.notNow(0, { code: 'rate-limited', message: 'slow down' }));

    expect(await router.ask('p')).toMatchObject({ state: 'answered' });
  });

  it('is let go of before the routers get it for a fallback', async () => {
    const { router } = await openWithSlowLedger(DeliveryFailure.never({ code: 'no', message: 'no' }));
    const id = await router.send('p', {}, { fallbacks: ['backup'] });
    await until(async () => expect(await router.inbound()).toHaveLength(1));

    expect(await router.ledger.read(id)).toMatchObject({ state: 'rerouting' });
  });
});

describe('asking the routers and waiting for the answer', () => {
  it('gives undefined when none came in time', async () => {
    const { inbound, inbox } = stage.host;

    expect(await inbound.ask('one', { kind: 'message', content: 'hi' }, 50, inbox)).toBeUndefined();
    expect(inbox.waiting).toBe(0);
  });

  it('waits for nothing when the message could not be kept', async () => {
    const { inbound, inbox } = stage.host;
    jest.spyOn(inbound, 'add').mockRejectedValueOnce(new RedisUnavailable('away'));

    await expect(inbound.ask('one', { kind: 'message', content: 'hi' }, 60_000, inbox)).rejects.toThrow(RedisUnavailable);
    expect(inbox.waiting).toBe(0);
  });
});

describe('a platform that comes and goes while its process runs', () => {
  it('works like those that were there from the start, and leaves nothing when it goes', async () => {
    const another = await openAnother(new ScriptedPlatform());
    const { host, router, context } = another;
    await router.untilState('p', 'ready');
    const [comes, probes] = [new ScriptedPlatform(), context.flow.length];

    await host.add(comes.definition('guest'));
    await router.untilState('guest', 'ready');
    expect(await router.ask('guest', { content: 'hi' })).toMatchObject({ state: 'answered', answer: { text: 'carried out: hi' } });
    await expect(host.add(comes.definition('guest'))).rejects.toThrow('the platform guest runs here already');

    expect(await host.remove('guest')).toBe(true);
    expect(await host.remove('guest')).toBe(false);
    expect(comes).toMatchObject({ initialized: 1, shutDown: 1 });
    expect(context.flow).toHaveLength(probes);
    const waits = await router.send('guest', { content: 'later' });
    expect((await router.check()).map(({ platform }) => platform)).toEqual(['p']);

    await host.add(comes.definition('guest'));
    expect(await router.settled(waits)).toMatchObject({ state: 'answered', answer: { text: 'carried out: later' } });
  });
});
