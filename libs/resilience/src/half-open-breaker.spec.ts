import { PROBE_TIMEOUT_MS } from './platform-breaker';
import { type Admitted, admitted, build, halfOpened, opened, openedForMs, pass, report, settings, settled, SharedSlot, useBreakers } from './testing/breakers';

describe('the circuit breaker of a platform', () => {
  useBreakers();

  describe('while half-open', () => {
    it('admits one probe and refuses everyone else', async () => {
      const { breaker } = await halfOpened();

      const admissions = await Promise.all(Array.from({ length: 5 }, () => breaker.admit()));

      expect(admissions.filter(({ admitted }) => admitted)).toEqual([expect.objectContaining({ probe: true })]);
      expect(admissions.filter(({ admitted }) => !admitted)).toEqual(Array(4).fill(expect.objectContaining({ why: expect.stringContaining('another message is trying') })));
    });

    it('admits one probe across all breakers that share a slot', async () => {
      const slot = new SharedSlot();
      const { breaker: one } = await opened({}, slot);
      const { breaker: other } = await opened({}, slot);
      await pass(settings.openMs);

      const admissions = await Promise.all([one.admit(), other.admit(), one.admit(), other.admit()]);
      expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(1);

      (admissions[0] as Admitted).settle('success');
      await settled();
      expect((await admitted(other)).probe).toBe(true);
    });

    it('probes on its own while the slot cannot be asked for', async () => {
      const { breaker } = await halfOpened({}, { take: () => Promise.reject(new Error('cut off')), release: () => Promise.reject(new Error('cut off')) });

      await report(breaker, 'success');

      expect(breaker.position).toBe('closed');
    });

    it('closes when the probe succeeds', async () => {
      const slot = new SharedSlot();
      const { breaker, changes } = await halfOpened({}, slot);

      await report(breaker, 'success');

      expect(changes).toEqual(['open', 'half-open', 'closed']);
      expect(slot.taken).toBe(false);
      expect((await admitted(breaker)).probe).toBe(false);
    });

    it('opens for longer when the probe fails, up to a limit', async () => {
      const { breaker } = await opened();
      const openings: number[] = [openedForMs(breaker)];

      for (let i = 0; i < 6; i++) {
        await pass(openings.at(-1)!);
        await report(breaker, 'failure');
        openings.push(openedForMs(breaker));
      }

      expect(openings.slice(0, 4)).toEqual(openings.slice(0, 4).sort((a, b) => a - b));
      expect(openings[1]).toBeGreaterThan(settings.openMs);
      expect(Math.max(...openings)).toBeLessThanOrEqual(settings.maxOpenMs);
      expect(breaker.state.openings).toBe(7);
    });

    it('admits another probe when the first one told nothing', async () => {
      const { breaker } = await halfOpened();

      await report(breaker, 'neutral');

      expect(breaker.position).toBe('half-open');
      expect((await admitted(breaker)).probe).toBe(true);
    });

    it('does not count a failure from before the opening', async () => {
      const { breaker } = build();
      const early = await admitted(breaker);
      await report(breaker, 'failure', 'failure', 'failure', 'failure');
      await pass(settings.openMs);

      early.settle('failure');
      await settled();

      expect(breaker.position).toBe('half-open');
    });

    it('takes a probe that never comes back for failed, and its slot is free again', async () => {
      const slot = new SharedSlot();
      const { breaker } = await halfOpened({}, slot);
      const lost = await admitted(breaker);

      await pass(PROBE_TIMEOUT_MS);
      expect(breaker.state).toMatchObject({ position: 'open', reason: 'the probe brought no answer', openings: 2 });
      expect(slot.taken).toBe(false);

      lost.settle('success');
      await settled();
      expect(breaker.position).toBe('open');
    });

    it('lets nobody else probe between the end of a probe and what follows from it', async () => {
      const { breaker } = await halfOpened();
      const probe = await admitted(breaker);

      probe.settle('failure');
      const next = await breaker.admit();

      expect(next.admitted).toBe(false);
    });

    it('gives the slot back when it changed its position while asking for it', async () => {
      const slot = new SharedSlot();
      let answer!: () => void;
      const asked = new Promise<void>((resolve) => (answer = resolve));
      const { breaker } = await halfOpened({}, { take: () => asked.then(() => slot.take()), release: () => slot.release() });

      const waiting = breaker.admit();
      breaker.trip('health: it is down');
      answer();

      expect(await waiting).toMatchObject({ admitted: false, why: expect.stringContaining('it is down') });
      expect(slot.taken).toBe(false);
    });
  });
});
