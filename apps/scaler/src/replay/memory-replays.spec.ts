import { ScalingPolicy, type ScalingDecision } from '@conductor/contracts';
import { Forecaster } from '../forecast';
import { Plant, type PlantPlatform } from './plant';
import { replay, type Replayed, type ReplayOptions } from './replay';

const START = Date.UTC(2026, 2, 2, 12);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** 12,000 MB, of which the platforms take 3,300 when all run; the rest is the language model's and the machine's. */
const PLATFORMS: PlantPlatform[] = [
  { name: 'voice', mb: 1_200, shellMb: 60 },
  { name: 'android', mb: 700, shellMb: 60 },
  { name: 'discord', mb: 900, shellMb: 60 },
  { name: 'minecraft', unit: 'stubs', mb: 150 },
  { name: 'twitch', unit: 'stubs', mb: 150 },
  { name: 'brain', mb: 200 },
];
const BUDGET_MB = 12_000;
const ALL_MB = 3_300;

/** Memory of everything else that makes the whole take this percentage while all platforms run. */
const toReach = (percent: number) => (BUDGET_MB * percent) / 100 - ALL_MB;

const run = (percentAt: (ms: number) => number, minutes: number, more: Partial<ReplayOptions> & { policy?: ScalingPolicy; platforms?: PlantPlatform[] } = {}): Replayed =>
  replay({
    plant: new Plant(more.platforms ?? PLATFORMS, BUDGET_MB),
    policy: ScalingPolicy.parse({}),
    from: START,
    to: START + minutes * MINUTE,
    demand: (at) => ({ memoryMb: toReach(percentAt(at - START)) }),
    ...more,
  });

/** `12:05 shed voice`, by the minute of the replay. */
const told = ({ decisions }: Replayed, kinds: ReadonlyArray<ScalingDecision['kind']> = ['shed', 'restore', 'emergency']) =>
  decisions.filter(({ kind }) => kinds.includes(kind)).map(({ at, kind, platforms }) => `${((at - START) / MINUTE).toFixed(1)} ${kind} ${platforms.join('+')}`);
const names = (replayed: Replayed) => told(replayed).map((line) => line.split(' ').slice(1).join(' '));

describe('a ramp', () => {
  const ramp = (ms: number) => (ms < 30 * MINUTE ? 60 + (ms / MINUTE) * 1.2 : 96 - ((ms - 30 * MINUTE) / MINUTE) * 1.5);

  it('sheds voice when 80 % are reached, then android, then discord, each after the one before was measured, and brings them back in reverse', () => {
    const replayed = run(ramp, 70);

    expect(names(replayed)).toEqual(['shed voice', 'shed android', 'shed discord', 'restore discord', 'restore android', 'restore voice']);
    expect(told(replayed)[0]).toBe('16.7 shed voice');
    expect(Math.max(...replayed.moments.map(({ usedPercent }) => usedPercent))).toBeLessThan(81);
  });

  it('measures what each gave back, and remembers it', () => {
    const { decisions, measured, state } = run(ramp, 28);
    const voice = decisions.find(({ kind, platforms }) => kind === 'shed' && platforms[0] === 'voice')!;

    expect(voice).toMatchObject({ expected: { freedMb: 1_200 }, trigger: 'observed', action: { type: 'suspend' } });
    expect(measured.get(voice.id)).toMatchObject({ freedMb: 1_140, settled: true });
    expect(state.units['voice']).toMatchObject({ freedMb: 1_140 });
  });

  it('sheds before the wall when the forecasts see it coming', () => {
    const plain = run(ramp, 40);
    const sighted = run(ramp, 40, { forecaster: new Forecaster() });

    expect(sighted.decisions[0]).toMatchObject({ kind: 'shed', platforms: ['voice'], trigger: 'forecast', forecast: { lookAheadMs: 5 * MINUTE, model: expect.any(String) } });
    expect(sighted.decisions[0]!.at).toBeLessThan(plain.decisions[0]!.at - 2 * MINUTE);
    expect(sighted.decisions[0]!.reason).toMatch(/voice is shed because RAM was forecast at \d+ % in 5 min/);
  });
});

describe('a step', () => {
  it('sheds one at a time, and the next only when the one before is gone and the figure has settled', () => {
    const { decisions, measured } = run((ms) => (ms < 2 * MINUTE ? 60 : 92), 6);
    const sheds = decisions.filter(({ kind }) => kind === 'shed');

    expect(sheds.map(({ platforms }) => platforms[0])).toEqual(['voice', 'android']);
    // 3 s to drain, then three figures that are alike.
    expect(sheds[1]!.at - sheds[0]!.at).toBeGreaterThanOrEqual(5 * SECOND);
    expect(sheds[1]!.at - sheds[0]!.at).toBeLessThanOrEqual(15 * SECOND);
    expect(measured.get(sheds[0]!.id)!.at).toBeLessThanOrEqual(sheds[1]!.at);
  });

  it('waits no longer than 15 s for a process that does not go', () => {
    const stubborn = PLATFORMS.map((platform) => (platform.name === 'voice' ? { ...platform, drainMs: MINUTE } : platform));
    const { decisions, measured } = run((ms) => (ms < MINUTE ? 60 : 92), 3, { platforms: stubborn });
    const sheds = decisions.filter(({ kind }) => kind === 'shed');

    expect(sheds[1]!.at - sheds[0]!.at).toBeGreaterThanOrEqual(15 * SECOND);
    expect(sheds[1]!.at - sheds[0]!.at).toBeLessThanOrEqual(16 * SECOND);
    expect(measured.get(sheds[0]!.id)).toMatchObject({ settled: false });
  });

  it('takes stubs last, and as one, since they share a process', () => {
    const replayed = run((ms) => (ms < MINUTE ? 60 : 94.9), 30, { platforms: PLATFORMS.map((platform) => ({ ...platform, mb: platform.mb / 10, shellMb: 5 })), demand: (at) => ({ memoryMb: at - START < MINUTE ? 7_000 : 11_000 }) });

    expect(names(replayed)).toEqual(['shed voice', 'shed android', 'shed discord', 'shed minecraft+twitch']);
    expect(replayed.decisions.at(-1)).toMatchObject({ kind: 'no-change', reason: expect.stringMatching(/nothing is left that may be shed: brain is pinned or protected/) });
  });
});

describe('an emergency', () => {
  const wall = (ms: number) => (ms < 2 * MINUTE ? 60 : ms < 6 * MINUTE ? 96 : 60);

  it('sheds everything but stubs, what is pinned, and the way to the language model, at once', () => {
    const pinned = PLATFORMS.map((platform) => (platform.name === 'android' ? { ...platform, pinned: true } : platform));
    const replayed = run(wall, 5, { platforms: pinned });

    expect(told(replayed)).toEqual(['2.0 emergency voice', '2.0 emergency discord']);
    expect(replayed.decisions[0]).toMatchObject({ reason: expect.stringMatching(/RAM was at 96 %, an emergency from 95 % on/) });
  });

  it('does not wait for what is still settling', () => {
    const replayed = run((ms) => (ms < 2 * MINUTE ? 60 : ms < 2 * MINUTE + 2 * SECOND ? 85 : 110), 3);

    expect(told(replayed).slice(0, 3)).toEqual(['2.0 shed voice', '2.0 emergency android', '2.0 emergency discord']);
  });

  it('is followed by returns one at a time, the last in the order first', () => {
    expect(names(run(wall, 30)).slice(3)).toEqual(['restore discord', 'restore android', 'restore voice']);
  });

  it('is declared when all work waits for memory for half a minute', () => {
    const plant = new Plant(PLATFORMS.map((platform) => ({ ...platform, drainMs: MINUTE })), BUDGET_MB);
    const observe = plant.observe.bind(plant);
    plant.observe = (now, demand) => ({ ...observe(now, demand), pressurePercent: 75 });
    const replayed = run(() => 93, 1, { plant });

    expect(replayed.decisions.find(({ kind }) => kind === 'emergency')).toMatchObject({ trigger: 'pressure', reason: expect.stringMatching(/all work had been waiting for memory 75 % of the time for 30 s/) });
  });
});

describe('a return', () => {
  const hill = (ms: number) => (ms > MINUTE && ms < 3 * MINUTE ? 85 : 60);

  it('comes when memory was below 65 % for five minutes, not sooner', () => {
    const [, restore] = run(hill, 20).decisions.filter(({ kind }) => kind === 'shed' || kind === 'restore');

    // At 85 % with voice gone the rest takes 75.5 %, so it is low from minute 3 on.
    expect((restore!.at - START) / MINUTE).toBeCloseTo(8, 0);
    expect(restore!.reason).toMatch(/voice returns because RAM has been below 65 % for 5 min and has room for the 1140 MB it needs/);
  });

  it('begins its five minutes anew when memory rises in between', () => {
    const bumpy = run((ms) => (ms > MINUTE && ms < 3 * MINUTE ? 85 : ms > 6 * MINUTE && ms < 6.5 * MINUTE ? 76 : 60), 20);

    expect(told(bumpy).at(-1)).toBe('11.5 restore voice');
  });

  it('waits until what it needs fits under 80 % with margin, and lets a smaller one go first', () => {
    const platforms = [{ name: 'voice', mb: 3_000, shellMb: 0 }, { name: 'android', mb: 500, shellMb: 0 }];
    const replayed = run(() => 0, 60, {
      platforms,
      demand: (at) => ({ memoryMb: at - START < 5 * MINUTE ? 5_000 : at - START < 6 * MINUTE ? 7_800 : at - START < 7 * MINUTE ? 9_300 : at - START < 40 * MINUTE ? 7_000 : 5_000 }),
    });

    expect(names(replayed)).toEqual(['shed voice', 'shed android', 'restore android', 'restore voice']);
    expect(told(replayed)[3]).toMatch(/^40\.\d restore voice/);
    expect(replayed.decisions.find(({ reason }) => reason.includes('voice needs 3000 MB'))).toMatchObject({ kind: 'no-change' });
  });

  it('is not the scaler’s business for what an operator switched off', () => {
    const plant = new Plant(PLATFORMS, BUDGET_MB);
    const observe = plant.observe.bind(plant);
    plant.observe = (now, demand) => {
      const seen = observe(now, demand);
      return { ...seen, platforms: seen.platforms.map((platform) => (platform.name === 'voice' ? { ...platform, wanted: 'disabled', serving: false } : platform)) };
    };

    expect(names(run(hill, 20, { plant }))).toEqual(['shed android', 'restore android']);
  });
});

describe('load that comes and goes', () => {
  it('does not make platforms flap under ten minutes of sawtooth', () => {
    const sawtooth = run((ms) => 62 + 22 * ((ms % MINUTE) / MINUTE), 10);

    expect(names(sawtooth)).toEqual(['shed voice']);
  });

  it('makes each stay longer than the one before when a platform is shed again and again', () => {
    const { decisions } = run((ms) => (ms % (9 * MINUTE) < MINUTE ? 84 : 60), 90);
    const stays = decisions.filter(({ kind }) => kind === 'shed').map(({ at, id }) => ({ at, back: decisions.find(({ kind, at: later }) => kind === 'restore' && later > at)?.at ?? Infinity, id }));
    const lengths = stays.map(({ at, back }) => (back - at) / MINUTE);

    expect(lengths.at(-1)).toBeGreaterThan(lengths[0]! * 1.5);
    expect(decisions.some(({ reason }) => reason.includes('times in a row'))).toBe(true);
  });

  it('does nothing under noise that stays below the mark', () => {
    let seed = 7;
    const random = () => ((seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647);

    expect(run(() => 70 + 8 * random(), 60).decisions).toEqual([]);
  });

  it('sheds in a daily peak and restores after it, each once a day', () => {
    const day = (ms: number) => 66 - 20 * Math.cos((2 * Math.PI * ms) / (24 * 60 * MINUTE));
    const replayed = run(day, 48 * 60, { periodMs: 20_000 });

    expect(names(replayed)).toEqual(['shed voice', 'restore voice', 'shed voice', 'restore voice']);
  });
});

describe('sensors and clocks that fail', () => {
  it('change nothing while memory cannot be measured, and say so once', () => {
    const replayed = run((ms) => (ms < 2 * MINUTE ? 60 : 97), 4, { demand: (at) => ({ memoryMb: toReach(at - START < 2 * MINUTE ? 60 : 97), blind: at - START > MINUTE }) });

    expect(told(replayed)).toEqual([]);
    expect(replayed.decisions.map(({ kind, reason }) => [kind, reason])).toEqual([['no-change', expect.stringMatching(/memory cannot be measured/)]]);
  });

  it('begin the five minutes of a return anew after a gap', () => {
    const blind = (at: number) => at - START > 6 * MINUTE && at - START < 7 * MINUTE;
    const hill = (ms: number) => (ms > MINUTE && ms < 3 * MINUTE ? 85 : 60);
    const replayed = run(hill, 20, { demand: (at) => ({ memoryMb: toReach(hill(at - START)), blind: blind(at) }) });

    expect(told(replayed).at(-1)).toBe('12.0 restore voice');
  });

  it.each([
    ['set back by an hour', -60],
    ['set forward by an hour', 60],
  ])('do not hurry or stretch a stay when the clock is %s', (_, minutes) => {
    const hill = (ms: number) => (ms > MINUTE && ms < 3 * MINUTE ? 85 : 60);
    const { moments } = run(hill, 25, { clock: (at) => (at - START < 4 * MINUTE ? at : at + minutes * MINUTE) });
    const back = moments.find(({ at, off }) => at - START > 2 * MINUTE && off.length === 0)!;

    // The five quiet minutes begin at the jump, in minute 4.
    expect((back.at - START) / MINUTE).toBeGreaterThan(8.9);
    expect((back.at - START) / MINUTE).toBeLessThan(10);
  });
});
