import type { DesiredState, Presence } from '@conductor/contracts';
import { appOf, nextStep, wantedProcesses } from './wanted-processes';

const presence = (platform: string, app: string, over: Partial<Presence> = {}): Presence => ({
  platform, app, instance: `${platform}-${over.pid ?? 1}`, pid: 1, host: 'h', startedAt: 0, at: 0, lifecycle: 'ready', concurrency: 10, inFlight: 0, rssMb: 50, ...over,
});
const wish = (platform: string, over: Partial<DesiredState> = {}): DesiredState => ({ platform, enabled: true, pinned: false, restarts: 0, version: 1, at: 0, ...over });
const two = [presence('twitch', 'stubs'), presence('tiktok', 'stubs')];
const suspended = { suspended: { reason: 'RAM', since: 1 } };

describe('how many processes an app is to have', () => {
  it.each<[string, DesiredState[], Presence[], number]>([
    ['one, when nobody said anything', [], two, 1],
    ['as many as a platform of it is wanted in', [wish('twitch', { instances: 3 })], two, 3],
    ['the greatest number of the platforms that share it', [wish('twitch', { instances: 2 }), wish('tiktok', { instances: 4 })], two, 4],
    ['one for a platform that is suspended', [wish('twitch', { instances: 3, ...suspended })], two, 1],
    ['one for a platform that is switched off', [wish('twitch', { instances: 3, enabled: false })], two, 1],
    ['as many as the platform that goes on is wanted in', [wish('twitch', { instances: 3, ...suspended }), wish('tiktok', { instances: 2 })], two, 2],
    ['no more than a platform of it can do with', [wish('twitch', { instances: 3 })], [...two, presence('solo', 'stubs', { atMost: { instances: 2, because: 'a licence' } })], 2],
  ])('is %s', (_, desired, presences, processes) => {
    expect(wantedProcesses(desired, presences).get('stubs')).toMatchObject({ processes });
  });

  it('is not known of an app that nobody has heard of', () => {
    expect(wantedProcesses([wish('twitch', { instances: 3 })], []).size).toBe(0);
  });
});

describe('the next step', () => {
  const wanted = (processes: number, inFlight: Record<number, number> = {}) => ({ processes, inFlight: new Map(Object.entries(inFlight).map(([pid, count]) => [Number(pid), count])) });
  const further = [{ name: 'stubs#2', pid: 2 }, { name: 'stubs#3', pid: 3 }, { name: 'stubs#4', pid: 4 }];
  const nobody = new Set<string>();

  it.each([
    ['nothing, when all are there', wanted(4), further, nobody, undefined],
    ['to start all that are missing, under the lowest free names', wanted(5), [further[1]!], nobody, { start: ['stubs#2', 'stubs#4', 'stubs#5'] }],
    ['to let the idlest go', wanted(2, { 2: 3, 3: 1, 4: 7 }), further, nobody, { retire: 'stubs#3' }],
    ['of equals, to let the latest go', wanted(3), further, nobody, { retire: 'stubs#4' }],
    ['to let the one without a process go first', wanted(2, { 2: 1 }), [further[0]!, { name: 'stubs#3', pid: undefined }], nobody, { retire: 'stubs#3' }],
    ['to wait while one is on its way out', wanted(2), further, new Set(['stubs#4']), undefined],
    ['to start another one rather than wait for one on its way out', wanted(4), further, new Set(['stubs#3']), { start: ['stubs#5'] }],
  ])('is %s', (_, wish, running, going, step) => {
    expect(nextStep('stubs', wish, running, going)).toEqual(step);
  });

  it('never touches the first process, whatever is wanted', () => {
    expect(nextStep('stubs', wanted(1), [], nobody)).toBeUndefined();
  });
});

it('knows which app a process runs', () => {
  expect([appOf('stubs'), appOf('stubs#12')]).toEqual(['stubs', 'stubs']);
});
