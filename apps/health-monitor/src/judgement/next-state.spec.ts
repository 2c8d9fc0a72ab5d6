import type { InstanceHealth, PlatformState } from '@conductor/contracts';
import { nextState } from './next-state';

const instance = (id: string, over: Partial<InstanceHealth> = {}): InstanceHealth => ({
  id, verdict: 'healthy', reason: 'healthy', pid: 1, rssMb: 50, lastCheckAt: 1, responseTimeMs: 2, consecutiveFailures: 0, inFlight: 0, ...over,
});
const before: PlatformState = { name: 'echo', state: 'ready', reason: 'fine', since: 100, version: 7, at: 150, instances: [instance('a'), instance('b')] };
const ready = { state: 'ready', reason: 'fine' } as const;

describe('the next state of a platform', () => {
  it('is the first version when there was none', () => {
    const { next, changed } = nextState('echo', ready, [], undefined, 200);

    expect(next).toMatchObject({ version: 1, since: 200, at: 200 });
    expect(changed).toBe(true);
  });

  it('is news when the state changes, and counts from now', () => {
    const { next, changed } = nextState('echo', { state: 'failed', reason: 'gone' }, before.instances, before, 200);

    expect(next).toMatchObject({ state: 'failed', version: 8, since: 200 });
    expect(changed).toBe(true);
  });

  it('is news when only the reason changes, and counts from before', () => {
    expect(nextState('echo', { ...ready, reason: 'better' }, before.instances, before, 200)).toMatchObject({ changed: true, next: { version: 8, since: 100 } });
  });

  it.each([
    ['an instance comes', [instance('a'), instance('b'), instance('c')]],
    ['an instance leaves', [instance('a')]],
    ['an instance is replaced', [instance('a'), instance('c')]],
    ['an instance is worse', [instance('a'), instance('b', { verdict: 'silent' })]],
  ])('is news when %s', (_, instances) => {
    expect(nextState('echo', ready, instances, before, 200)).toMatchObject({ changed: true, next: { version: 8 } });
  });

  it('is no news when only figures change or the order does, and has the new figures', () => {
    const { next, changed } = nextState('echo', ready, [instance('b', { responseTimeMs: 99, rssMb: 70, lastCheckAt: 9 }), instance('a')], before, 200);

    expect(changed).toBe(false);
    expect(next).toMatchObject({ version: 7, since: 100, at: 200, instances: [{ responseTimeMs: 99 }, {}] });
  });
});
