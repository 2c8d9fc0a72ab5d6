import { createLogger } from '@conductor/observability';
import { DeliveryFailure } from '@conductor/platform-kit';
import type { ChatEndpoint, Look } from './chat-endpoint';
import { EndpointWatch } from './endpoint-watch';

const there: Look = { result: 'there', models: ['tiny'] };
const refusedConnection: Look = { result: 'away', reason: 'connection refused' };
const silence: Look = { result: 'no-list', reason: 'no answer' };

let next: Look;
let looks: number;
let loadingSince: number | undefined;
let watch: EndpointWatch;

beforeEach(async () => {
  jest.useFakeTimers();
  [next, looks, loadingSince] = [there, 0, undefined];
  const endpoint = { url: 'http://model', look: async () => (looks++, next) } as unknown as ChatEndpoint;
  watch = new EndpointWatch(endpoint, 'tiny', () => loadingSince, createLogger({ app: 'test', level: 'silent' }));
  await watch.start();
});
afterEach(() => {
  watch.stop();
  jest.useRealTimers();
});

describe('the watch over the endpoint', () => {
  it('looks every five seconds, and every second while it is away', async () => {
    await jest.advanceTimersByTimeAsync(10_000);
    expect(looks).toBe(3);

    next = refusedConnection;
    await jest.advanceTimersByTimeAsync(10_000);
    expect(looks).toBe(3 + 1 + 5);
  });

  it('looks sooner as soon as traffic has met nobody there', async () => {
    watch.failed(DeliveryFailure.retry({ code: 'endpoint-unreachable', message: 'refused' }));
    expect(watch.away).toMatchObject({ reason: 'refused' });

    await jest.advanceTimersByTimeAsync(1_000);
    expect(watch.away).toBeUndefined();
  });

  it.each([
    ['does not take one for away that is silent', silence, 'degraded', undefined],
    ['takes one for away that refuses connections', refusedConnection, 'degraded', { reason: 'connection refused' }],
  ])('%s', async (_, look, status, away) => {
    next = look;
    await jest.advanceTimersByTimeAsync(5_000);

    expect(watch.health.status).toBe(status);
    if (away) expect(watch.away).toMatchObject(away);
    else expect(watch.away).toBeUndefined();
  });

  it('looks once a minute at one that answers messages, and does not mind what it finds', async () => {
    watch.worked();
    next = silence;
    await jest.advanceTimersByTimeAsync(5_000);
    const before = looks;
    await jest.advanceTimersByTimeAsync(300_000);

    expect(looks - before).toBe(5);
    expect(watch.health.status).toBe('ok');
  });

  it('looks less often at one that has been away for a minute', async () => {
    next = refusedConnection;
    await jest.advanceTimersByTimeAsync(70_000);
    const before = looks;
    await jest.advanceTimersByTimeAsync(60_000);

    expect(looks - before).toBe(12);
  });

  it('says that the model is being loaded', () => {
    loadingSince = Date.now() - 7_000;

    expect(watch.health).toMatchObject({ status: 'degraded', reason: expect.stringContaining('being loaded, since 7 s') });
  });

  it('forgets a complaint of the traffic after a minute, so that somebody tries again', async () => {
    watch.failed(DeliveryFailure.never({ code: 'bad-credentials', message: 'set a key' }));
    expect(watch.health).toMatchObject({ status: 'needs-attention', reason: 'set a key' });

    await jest.advanceTimersByTimeAsync(61_000);
    expect(watch.health.status).toBe('ok');
  });

  it('drops the complaint of a missing model when the model appears', async () => {
    next = { result: 'there', models: [] };
    await jest.advanceTimersByTimeAsync(5_000);
    watch.failed(DeliveryFailure.never({ code: 'model-not-found', message: 'no such model' }));
    expect(watch.health.status).toBe('needs-attention');

    next = there;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(watch.health.status).toBe('ok');
  });

  it('trusts an endpoint without a list of models once it has answered', async () => {
    next = { result: 'there', models: undefined };
    await jest.advanceTimersByTimeAsync(5_000);
    expect(watch.health.status).toBe('degraded');

    watch.worked();
    expect(watch.health.status).toBe('ok');
  });

  it('looks no more when it is stopped', async () => {
    watch.stop();
    await jest.advanceTimersByTimeAsync(60_000);

    expect(looks).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});
