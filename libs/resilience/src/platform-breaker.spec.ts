import type { Verdict } from './platform-breaker';
import { admitted, build, halfOpened, opened, openedForMs, pass, report, settings, settled, useBreakers } from './testing/breakers';

describe('the circuit breaker of a platform', () => {
  useBreakers();

  describe('while closed', () => {
    it('opens when enough outcomes came and more of them failed than it allows', async () => {
      const { breaker, changes } = build();

      await report(breaker, 'success', 'failure', 'failure');
      expect(breaker.position).toBe('closed');

      await report(breaker, 'failure');
      expect(breaker.position).toBe('open');
      expect(changes).toEqual(['open']);
      expect(breaker.state).toMatchObject({ openings: 1, reason: 'it says no', retryAt: Date.now() + settings.openMs });
    });

    it('stays closed below the volume, however many fail', async () => {
      const { breaker } = build({ volume: 10 });

      await report(breaker, ...Array<Verdict>(9).fill('failure'));

      expect(breaker.position).toBe('closed');
    });

    it('stays closed while no more fail than it allows', async () => {
      const { breaker } = build();

      await report(breaker, 'success', 'failure', 'success', 'failure', 'success', 'failure');

      expect(breaker.position).toBe('closed');
    });

    it('does not count outcomes that say nothing of the platform', async () => {
      const { breaker } = build();

      await report(breaker, ...Array<Verdict>(20).fill('neutral'), 'failure', 'failure', 'failure');

      expect(breaker.position).toBe('closed');
    });

    it('forgets outcomes after ten seconds', async () => {
      const { breaker } = build();

      await report(breaker, 'failure', 'failure', 'failure');
      await pass(11_000);
      await report(breaker, 'failure');

      expect(breaker.position).toBe('closed');
    });

    it('counts the outcome of one call once', async () => {
      const { breaker } = build();
      const call = await admitted(breaker);

      for (let i = 0; i < 10; i++) call.settle('failure');
      await settled();

      expect(breaker.position).toBe('closed');
    });
  });

  describe('while open', () => {
    it('admits nothing, and says why and when to come again', async () => {
      const { breaker } = await opened();

      expect(await breaker.admit()).toEqual({ admitted: false, why: expect.stringMatching(/^open since .*it says no.*tried again in 1 s$/), retryAt: Date.now() + settings.openMs });
    });

    it('is not kept open longer by failures that arrive meanwhile', async () => {
      const { breaker } = build();
      const underway = await Promise.all(Array.from({ length: 20 }, () => admitted(breaker)));
      for (const call of underway.slice(0, 4)) call.settle('failure');
      await settled();
      const { retryAt } = breaker.state;

      await pass(settings.openMs - 1);
      for (const call of underway.slice(4)) call.settle('failure');
      await settled();
      expect(breaker.state).toMatchObject({ position: 'open', retryAt, openings: 1 });

      await pass(1);
      expect(breaker.position).toBe('half-open');
    });

    it('is not closed by a success from before the opening', async () => {
      const { breaker } = build();
      const early = await admitted(breaker);
      await report(breaker, 'failure', 'failure', 'failure', 'failure');

      early.settle('success');
      await settled();

      expect(breaker.position).toBe('open');
    });
  });

  describe('closed again', () => {
    it('starts with an empty window, so that one more failure does not open it', async () => {
      const { breaker } = await halfOpened();
      await report(breaker, 'success', 'failure', 'failure', 'failure');
      expect(breaker.position).toBe('closed');

      await report(breaker, 'failure');
      expect(breaker.position).toBe('open');
    });

    it('opens for longer when it did not stay closed for a minute', async () => {
      const { breaker } = await halfOpened();
      await report(breaker, 'success');
      await pass(59_000);

      await report(breaker, 'failure', 'failure', 'failure', 'failure');

      expect(breaker.state.openings).toBe(2);
      expect(openedForMs(breaker)).toBeGreaterThan(settings.openMs);
    });

    it('is forgiven after a minute', async () => {
      const { breaker } = await halfOpened();
      await report(breaker, 'success');
      await pass(60_000);

      await report(breaker, 'failure', 'failure', 'failure', 'failure');

      expect(breaker.state.openings).toBe(1);
      expect(openedForMs(breaker)).toBe(settings.openMs);
    });
  });
});
