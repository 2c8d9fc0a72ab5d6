import type { Verdict } from './platform-breaker';
import { type Admitted, build, opened, openedForMs, pass, report, settings, settled, useBreakers } from './testing/breakers';

describe('the circuit breaker of a platform', () => {
  useBreakers();

  describe('hearing of the platform’s health', () => {
    it('opens at once when the platform is found failed', async () => {
      const { breaker } = build();

      breaker.trip('health: three checks in a row failed');

      expect(breaker.state).toMatchObject({ position: 'open', reason: 'health: three checks in a row failed', retryAt: Date.now() + settings.openMs });
    });

    it('stays open just as long when that is said again', async () => {
      const { breaker } = await opened();
      const { retryAt } = breaker.state;

      await pass(500);
      breaker.trip('health: still failed');

      expect(breaker.state).toMatchObject({ retryAt, openings: 1 });
    });

    it('lets one message try without waiting when the platform is found working again', async () => {
      const { breaker, changes } = build();
      breaker.trip('health: failed');

      breaker.probeSoon('health: ready');

      expect(changes).toEqual(['open', 'half-open']);
      const [first, second] = await Promise.all([breaker.admit(), breaker.admit()]);
      expect(first).toMatchObject({ admitted: true, probe: true });
      expect(second.admitted).toBe(false);

      (first as Admitted).settle('success');
      await settled();
      expect(breaker.position).toBe('closed');
    });

    it('opens again, and for longer, when that try fails', async () => {
      const { breaker } = build();
      breaker.trip('health: failed');
      breaker.probeSoon('health: ready');

      await report(breaker, 'failure');

      expect(breaker.state).toMatchObject({ position: 'open', openings: 2, reason: 'it says no' });
      expect(openedForMs(breaker)).toBeGreaterThan(settings.openMs);
      await pass(openedForMs(breaker));
      expect(breaker.position).toBe('half-open');
    });

    it('waits for its time where failures of messages opened it, whatever the health checks say', async () => {
      const { breaker } = await opened();

      breaker.probeSoon('health: ready');

      expect(breaker.position).toBe('open');
    });
  });

  describe('forced by an operator', () => {
    it('refuses everything while forced open, without an end', async () => {
      const { breaker } = build();
      breaker.force('open');

      await pass(3_600_000);

      expect(await breaker.admit()).toMatchObject({ admitted: false, why: 'forced open by an operator' });
      expect(breaker.state).toMatchObject({ position: 'open', forced: 'open', retryAt: undefined });
    });

    it('admits everything while forced closed, however much fails', async () => {
      const { breaker } = build();
      breaker.force('closed');

      await report(breaker, ...Array<Verdict>(20).fill('failure'));

      expect(breaker.position).toBe('closed');
      expect(await breaker.admit()).toMatchObject({ admitted: true, probe: false });
    });

    it('goes on from where it stood when it is let go', async () => {
      const { breaker } = await opened();
      breaker.force('closed');
      breaker.force(undefined);
      expect(breaker.position).toBe('open');

      await pass(settings.openMs);
      await report(breaker, 'success');
      expect(breaker.position).toBe('closed');
    });

    it('tells each change once', () => {
      const { breaker, changes } = build();

      for (const wish of ['open', 'open', undefined, undefined, 'closed'] as const) breaker.force(wish);

      expect(changes).toEqual(['open', 'closed', 'closed']);
    });
  });
});
