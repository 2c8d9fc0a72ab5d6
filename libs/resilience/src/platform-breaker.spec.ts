import type { BreakerPosition } from '@conductor/contracts';
import { type Admission, type BreakerSettings, PlatformBreaker, type ProbeSlot, PROBE_TIMEOUT_MS, type Verdict } from './platform-breaker';

type Admitted = Extract<Admission, { admitted: true }>;

const settings: BreakerSettings = { volume: 4, errorPercent: 50, openMs: 1_000, maxOpenMs: 10_000 };

/** A slot as Redis keeps it: one holder, for all breakers that are given it. */
class SharedSlot implements ProbeSlot {
  taken = false;

  async take() {
    if (this.taken) return false;
    return (this.taken = true);
  }
  async release() {
    this.taken = false;
  }
}

/** A breaker and what it told. */
const build = (more: Partial<BreakerSettings> = {}, slot: ProbeSlot = new SharedSlot()) => {
  const changes: BreakerPosition[] = [];
  const breaker = new PlatformBreaker({ ...settings, ...more }, slot, (position) => changes.push(position));
  built.push(breaker);
  return { breaker, changes };
};
const built: PlatformBreaker[] = [];

/** Lets promises go on; the clock stands still. */
const settled = () => jest.advanceTimersByTimeAsync(0);
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

const admitted = async (breaker: PlatformBreaker): Promise<Admitted> => {
  const admission = await breaker.admit();
  if (!admission.admitted) throw new Error(`not admitted: ${admission.why}`);
  return admission;
};

const report = async (breaker: PlatformBreaker, ...verdicts: Verdict[]) => {
  for (const verdict of verdicts) {
    (await admitted(breaker)).settle(verdict, 'it says no');
    await settled();
  }
};

const opened = async (...how: Parameters<typeof build>) => {
  const told = build(...how);
  await report(told.breaker, 'failure', 'failure', 'failure', 'failure');
  expect(told.breaker.position).toBe('open');
  return told;
};

const halfOpened = async (...how: Parameters<typeof build>) => {
  const told = await opened(...how);
  await pass(settings.openMs);
  expect(told.breaker.position).toBe('half-open');
  return told;
};

const openedForMs = ({ state }: PlatformBreaker) => state.retryAt! - state.since;

describe('the circuit breaker of a platform', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    for (const breaker of built.splice(0)) breaker.shutdown();
    jest.useRealTimers();
  });

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
