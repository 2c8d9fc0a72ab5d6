import type { HealthReport, PlatformState, Presence, ProcessState } from '@conductor/contracts';
import type { Rules } from './judgement/rules';
import { Roster } from './roster';

const rules: Rules = { timeoutMs: 1_000, degradedAboveMs: 200, failuresToFail: 3, presenceTtlMs: 4_000, startGraceMs: 60_000, leastRequests: 5, errorPercent: 50 };
const NOW = 1_000_000;

const presence = (instance: string, over: Partial<Presence> = {}): Presence => ({
  platform: 'echo', instance, pid: 7, host: 'h', app: 'stubs', startedAt: NOW - 100_000, at: NOW, lifecycle: 'ready', reason: 'fine', concurrency: 1, inFlight: 0, rssMb: 50, ...over,
});
const answer = (instance: string, over: Partial<HealthReport> = {}) => ({
  responseTimeMs: 3,
  report: { check: 'c', platform: 'echo', instance, pid: 7, lifecycle: 'ready' as const, health: { status: 'ok' as const }, requests: 0, errors: 0, abandoned: 0, inFlight: 0, rssMb: 50, ...over },
});
const processState = (over: Partial<ProcessState>): ProcessState => ({ app: 'stubs', state: 'backing-off', restarts: 0, reason: 'was ended by SIGKILL', at: NOW + 100, ...over });

/** Looks in steps that are short enough to count as watching. */
const watch = (roster: Roster, presences: Presence[], from: number, to: number) => {
  for (let now = from; now <= to; now += 500) roster.update(presences, now, false);
};
const verdicts = (roster: Roster, now: number) => roster.judged('echo', now).map(({ health }) => health.verdict);

describe('the roster', () => {
  let roster: Roster;
  beforeEach(() => {
    roster = new Roster(rules);
  });

  it('counts an old presence as silent at the first look', () => {
    roster.update([presence('a', { at: NOW - 9_000 })], NOW, false);

    expect(verdicts(roster, NOW)).toEqual(['silent']);
  });

  it('goes by its own clock for instances that come later', () => {
    roster.update([], NOW, false);
    roster.update([presence('a', { at: NOW - 9_000 })], NOW + 500, false);

    expect(verdicts(roster, NOW + 500)).toEqual(['healthy']);
  });

  it('counts as silent whose presence does not move while it is looking', () => {
    watch(roster, [presence('a')], NOW, NOW + 4_500);

    expect(verdicts(roster, NOW + 4_500)).toEqual(['silent']);
  });

  it('does not count the time in which it did not look', () => {
    roster.update([presence('a')], NOW, false);
    roster.update([presence('a')], NOW + 60_000, false);

    expect(verdicts(roster, NOW + 60_000)).toEqual(['healthy']);
  });

  it('does not take the silent for alive because it did not look for a while', () => {
    watch(roster, [presence('a')], NOW, NOW + 4_500);
    roster.update([presence('a')], NOW + 60_000, false);

    expect(verdicts(roster, NOW + 60_000)).toEqual(['silent']);
  });

  it('trusts old presences right after Redis came back, but for those that were silent before', () => {
    const silent = { id: 'b', verdict: 'silent', pid: 1, rssMb: 1, lastCheckAt: 0, responseTimeMs: 0, consecutiveFailures: 1, inFlight: 0 } as const;
    roster.takeOver([{ name: 'echo', instances: [silent] } as unknown as PlatformState]);
    roster.update([presence('a', { at: NOW - 9_000 }), presence('b', { at: NOW - 9_000 })], NOW, true);

    expect(verdicts(roster, NOW)).toEqual(['healthy', 'silent']);
  });

  it('forgets who left', () => {
    roster.update([presence('a'), presence('b')], NOW, false);
    roster.update([presence('b')], NOW + 500, false);

    expect(roster.judged('echo', NOW + 500).map(({ health }) => health.id)).toEqual(['b']);
  });

  it('counts failures in a row, and starts anew after a good check', () => {
    roster.update([presence('a')], NOW, false);
    const failures = () => roster.judged('echo', NOW)[0]?.health.consecutiveFailures;

    roster.checked('a', undefined, NOW);
    roster.checked('a', answer('a', { health: { status: 'failed' } }), NOW);
    expect(failures()).toBe(2);
    roster.checked('a', answer('a'), NOW);
    expect(failures()).toBe(0);
  });

  it('does not hold the checks before a restart against an instance', () => {
    roster.update([presence('a')], NOW, false);
    for (let i = 0; i < 3; i++) roster.checked('a', undefined, NOW);
    expect(verdicts(roster, NOW)).toEqual(['failed']);

    roster.update([presence('a', { lifecycle: 'starting', at: NOW + 100 })], NOW + 100, false);
    expect(verdicts(roster, NOW + 100)).toEqual(['starting']);
    roster.update([presence('a', { lifecycle: 'ready', at: NOW + 200 })], NOW + 200, false);
    expect(verdicts(roster, NOW + 200)).toEqual(['healthy']);
  });

  it('goes on counting where the monitor before stopped', () => {
    const before = new Roster(rules);
    before.update([presence('a')], NOW, false);
    before.checked('a', undefined, NOW);
    before.checked('a', undefined, NOW);
    roster.takeOver([{ name: 'echo', instances: before.judged('echo', NOW).map(({ health }) => health) } as unknown as PlatformState]);
    roster.update([presence('a')], NOW, false);

    expect(roster.judged('echo', NOW)[0]?.health).toEqual(before.judged('echo', NOW)[0]?.health);
    roster.checked('a', undefined, NOW);
    expect(verdicts(roster, NOW)).toEqual(['failed']);
  });

  describe('when a process ends', () => {
    beforeEach(() => {
      roster.update([presence('a'), presence('b', { app: 'android', pid: 8 })], NOW, false);
    });

    it('knows its instances to be silent at once, and no others', () => {
      expect(roster.processChanged(processState({}))).toEqual(['echo']);
      expect(verdicts(roster, NOW + 100)).toEqual(['silent', 'healthy']);
    });

    it('tells the instances of the dead from those of a process it was not told of', () => {
      roster.processChanged(processState({ state: 'ready', pid: 99, at: NOW - 1 }));

      expect(roster.processChanged(processState({}))).toEqual([]);
    });

    it('tells further processes of an app apart by their process ids, since their presences name the app alone', () => {
      roster.processChanged(processState({ app: 'stubs#2', state: 'ready', pid: 8, at: NOW - 1 }));
      roster.update([presence('a'), presence('c', { pid: 8 })], NOW, false);

      expect(roster.processChanged(processState({ app: 'stubs#3' }))).toEqual([]);
      expect(roster.processChanged(processState({ app: 'stubs#2' }))).toEqual(['echo']);
      expect(verdicts(roster, NOW + 100)).toEqual(['healthy', 'silent']);
    });

    it('takes a new process id for the end of the former process', () => {
      roster.processChanged(processState({ state: 'ready', pid: 7, at: NOW - 1 }));

      expect(roster.processChanged(processState({ state: 'ready', pid: 7 }))).toEqual([]);
      expect(roster.processChanged(processState({ state: 'starting', pid: 12 }))).toEqual(['echo']);
    });

    it('believes what it hears later', () => {
      roster.processChanged(processState({}));
      roster.update([presence('a', { at: NOW + 99 })], NOW + 300, false);
      expect(verdicts(roster, NOW + 300)).toEqual(['silent']);
      roster.update([presence('a', { at: NOW + 101 })], NOW + 300, false);
      expect(verdicts(roster, NOW + 300)).toEqual(['healthy']);
    });

    it('forgets the dead as soon as a successor lives', () => {
      roster.update([presence('a')], NOW, false);
      roster.processChanged(processState({}));
      expect(roster.gone(NOW + 200, 600_000)).toEqual([]);
      roster.update([presence('a'), presence('c', { pid: 12, startedAt: NOW + 200, at: NOW + 200 })], NOW + 200, false);

      expect(roster.gone(NOW + 200, 600_000)).toEqual(['a']);
    });
  });

  it('forgets the silent after ten minutes', () => {
    roster.update([presence('a')], NOW, false);

    expect(roster.gone(NOW + 599_000, 600_000)).toEqual([]);
    expect(roster.gone(NOW + 601_000, 600_000)).toEqual(['a']);
  });
});
