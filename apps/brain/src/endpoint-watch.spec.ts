import { createLogger } from '@conductor/observability';
import { DeliveryFailure } from '@conductor/platform-kit';
import type { ChatEndpoint, Look } from './chat-endpoint';
import { EndpointWatch } from './endpoint-watch';

const there: Look = { result: 'there', models: ['tiny'] };
const refusedConnection: Look = { result: 'away', reason: 'connection refused', silent: false };
const silence: Look = { result: 'away', reason: 'no answer', silent: true };

let next: Look;
let looks: number;
let busy: boolean;
let watch: EndpointWatch;

beforeEach(async () => {
  jest.useFakeTimers();
  [next, looks, busy] = [there, 0, false];
  const endpoint = { url: 'http://model', look: async () => (looks++, next) } as unknown as ChatEndpoint;
  watch = new EndpointWatch(endpoint, 'tiny', () => busy, createLogger({ app: 'test', level: 'silent' }));
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
    ['does not take one that works for us for away when it is silent', silence, true, 'ok'],
    ['takes one that is idle and silent for away', silence, false, 'degraded'],
    ['takes one that refuses connections for away, whatever it was doing', refusedConnection, true, 'degraded'],
  ])('%s', async (_, look, isBusy, status) => {
    [next, busy] = [look, isBusy];
    await jest.advanceTimersByTimeAsync(5_000);

    expect(watch.health.status).toBe(status);
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
