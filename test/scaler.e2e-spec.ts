import type { PlatformWhy, ScalingDecision, ScalingPolicyView, ScalingView } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { EventStream } from './support/event-stream';
import { Hog } from './support/hog/hog';
import { System } from './support/system';

/** `npm run scaler:sawtooth` lets the teeth go on for ten minutes, with the waiting times of every day. */
const SAWTOOTH_MINUTES = Number(process.env['SAWTOOTH_MINUTES'] ?? 0);
const BUDGET_MB = 8_000;
/** Above what is in use at rest, before the first is shed. */
const ROOM_MB = 200;
const VOICE_MB = 240;
const DISCORD_MB = 160;
/** Memory that comes and goes besides. */
const LOAD_MB = 750;
/** Who goes first; how far it comes depends on what each really gives back. */
const ORDER = ['voice', 'android', 'discord', 'stubs'];
const STUBS = ['minecraft', 'twitch', 'tiktok', 'youtube'];
/** What goes as one is named as one. */
const nameOf = ({ platforms }: ScalingDecision) => (platforms.length > 1 && platforms.every((name) => STUBS.includes(name)) ? 'stubs' : platforms.join('+'));

type Seen = Pick<ScalingView, 'at' | 'memory' | 'platforms' | 'forecasts' | 'champions'>;

describe('a machine that runs out of memory', () => {
  let system: System;
  let load: Hog;
  const hogs: Hog[] = [];
  let events: EventStream;
  /** Memory in use while everything runs and no load is on. */
  let restingMb: number;
  /** Those that were shed, in order. */
  let gone: string[] = [];

  beforeAll(async () => {
    system = await System.start({ env: { SCALER_MEMORY_BUDGET_MB: String(BUDGET_MB), SCALER_INTERVAL_MS: '500', SCALER_TRAINING: 'false' } });
    hogs.push(new Hog(system, 'voice', VOICE_MB), new Hog(system, 'discord', DISCORD_MB), (load = new Hog(system, 'load', 0)));
    await Promise.all(hogs.map(({ name }) => system.untilPlatform(name, 'ready', 60_000)));
    await system.post('conductor', '/v1/platforms/load/pin');
    events = await EventStream.open(system, 'scaling,scaling-policy');
    await system.put('conductor', '/v1/routes/calls', { match: { kind: ['call'] }, target: 'voice', fallbacks: ['brain'] });
    restingMb = await settledMb();
  }, 180_000);
  afterAll(async () => {
    events?.close();
    await Promise.all(hogs.map((hog) => hog.stop()));
    await system?.stop();
  }, 60_000);

  const soon = <T>(assertion: () => T | Promise<T>) => until(assertion, 60_000);
  const seen = () => system.get<Seen>('conductor', '/v1/scaling/forecast');
  const why = async (name: string) => (await system.get<PlatformWhy>('conductor', `/v1/platforms/${name}/why`)).why;
  const percent = (mb: number) => Math.round((mb / BUDGET_MB) * 10_000) / 100;
  const patch = (policy: object) => system.ask<ScalingPolicyView>('conductor', '/v1/scaling/policy', { method: 'PATCH', body: policy });
  const decisions = async (kinds: ReadonlyArray<ScalingDecision['kind']>) =>
    (await system.get<{ items: ScalingDecision[] }>('conductor', '/v1/scaling/decisions?limit=1000')).items.filter(({ kind }) => kinds.includes(kind)).reverse();

  /** Memory in use once it does not move any more. */
  const settledMb = (): Promise<number> => {
    const figures: number[] = [];
    return soon(async () => {
      const { memory, platforms } = await seen();
      if (!memory || platforms.length < 8) throw new Error('not everything is seen yet');
      figures.push(memory.usedMb);
      const latest = figures.slice(-40);
      if (latest.length < 40 || Math.max(...latest) - Math.min(...latest) > 40) throw new Error(`it moves: ${latest.join(' ')}`);
      return memory.usedMb;
    });
  };

  it('a policy that makes no sense is refused; one that does holds at once, is audited and told', async () => {
    expect(await patch({ disableAtPercent: 50 })).toMatchObject({ status: 400, body: { code: 'invalid-request', detail: expect.stringContaining('restoreAtPercent < disableAtPercent') as unknown } });
    expect(await patch({ disbaleAtPercent: 50 })).toMatchObject({ status: 400 });

    const { status, body } = await patch({
      restoreAtPercent: percent(restingMb - 60), disableAtPercent: percent(restingMb + ROOM_MB), emergencyAtPercent: percent(restingMb + 2_500),
      marginPercent: 0.5, restoreAfterMs: 2_500, minOffMs: 1_000, minOnMs: 1_000, restoreEveryMs: 0, forecastHoldMs: 86_400_000,
    });
    expect({ status, body }).toMatchObject({ status: 200, body: { policy: { order: ['voice', 'android', 'discord', 'stubs'] } } });
    await events.next(({ type }) => type === 'scaling-policy');
    const { items } = await system.get<{ items: Array<{ action: string }> }>('conductor', '/v1/audit?action=scaling.policy');
    expect(items).toHaveLength(1);
  });

  it('sheds the right platforms in order, one at a time, and each really gives its memory back', async () => {
    await load.hold(LOAD_MB);

    const sheds = await soon(async () => {
      const all = await decisions(['shed']);
      expect(all.length).toBeGreaterThanOrEqual(3);
      expect(all.map(nameOf)).toEqual(ORDER.slice(0, all.length));
      for (const { measured } of all) expect(measured).toBeDefined();
      expect((await seen()).memory!.usedMb).toBeLessThan(restingMb + ROOM_MB);
      return all;
    });
    gone = sheds.map(nameOf);
    const [voice, , discord] = sheds;
    expect(voice!.measured!.freedMb).toBeGreaterThan(VOICE_MB * 0.9);
    expect(discord!.measured!.freedMb).toBeGreaterThan(DISCORD_MB * 0.9);
    sheds.slice(1).forEach(({ at }, index) => expect(at).toBeGreaterThanOrEqual(sheds[index]!.measured!.at));
    for (const { reason, rule, inputs, trigger, reconsiderAt, at } of sheds) {
      expect({ reason, rule, inputs, trigger }).toMatchObject({ reason: expect.stringMatching(/because RAM was at \d+ % of 8000 MB/) as unknown, trigger: 'observed', inputs: { wall: 'budget', budgetMb: BUDGET_MB } });
      expect(reconsiderAt).toBeGreaterThan(at);
    }
    expect((await system.platform('brain')).state).toBe('ready');
    expect((await system.platform('load')).state).toBe('ready');
    await events.next(({ type, data }) => type === 'scaling' && (data['decision'] as ScalingDecision).kind === 'shed');
  }, 90_000);

  it('says why, in one sentence, of those that are off and those that are on', async () => {
    await soon(async () => expect(await why('voice')).toMatch(/^voice is off since \d\d:\d\d because RAM was at \d+ % of 8000 MB; it took \d{3} MB; it returns when RAM stays below [\d.]+ % for 3 s, about \d\d:\d\d$/));
    expect(await why('load')).toMatch(/^load is running since \d\d:\d\d: .*; its process takes [\d,]+ MB; it is pinned, so the scaler never sheds it$/);
    expect(await why('twitch')).toMatch(/minecraft/);
    expect(await why('brain')).toMatch(/^brain is running since \d\d:\d\d: /);
    expect((await system.ask('conductor', '/v1/platforms/nobody/why')).status).toBe(404);
  });

  let held = '';
  it('meanwhile messages wait, or take their fallback', async () => {
    const waiting = await system.send({ target: 'voice', content: 'when you are back', waitFor: 'acceptance' });
    expect(waiting.status).toBe(202);
    held = String(waiting.body['id']);

    expect(await system.send({ kind: 'call', content: 'anybody' })).toMatchObject({ status: 200, body: { platform: 'brain' } });
    expect((await system.record(held)).state).toBe('queued');
  });

  it('brings them back in reverse when memory is low again, and what waited is answered', async () => {
    await load.hold(0);

    await soon(async () => expect((await decisions(['restore'])).map(nameOf)).toEqual([...gone].reverse()));
    await Promise.all(['discord', 'android', 'voice'].map((name) => system.untilPlatform(name, 'ready', 60_000)));
    expect((await system.settled(held, 30_000)).state).toBe('answered');
    await soon(async () => expect(await why('voice')).toMatch(/voice is running since .* the scaler brought it back at \d\d:\d\d/));
  }, 90_000);

  it('does not flap under load that comes and goes', async () => {
    await soon(async () => expect((await decisions(['restore'])).every(({ measured }) => measured !== undefined)).toBe(true));
    const before = Date.now();
    await patch(SAWTOOTH_MINUTES > 0 ? { restoreAfterMs: 300_000, minOffMs: 60_000, minOnMs: 60_000, restoreEveryMs: 30_000, forecastHoldMs: 10_000 } : { restoreAfterMs: 20_000 });
    const toothMs = SAWTOOTH_MINUTES > 0 ? 30_000 : 4_000;
    const end = before + (SAWTOOTH_MINUTES > 0 ? SAWTOOTH_MINUTES * 60_000 : 3 * toothMs);
    const used: number[] = [];
    while (Date.now() < end) {
      for (let step = 0; step < 4 && Date.now() < end; step++) {
        await load.hold((LOAD_MB * step) / 3);
        await new Promise((resolve) => setTimeout(resolve, toothMs / 4));
        used.push((await seen()).memory?.usedMb ?? 0);
      }
      await load.hold(0);
    }

    const moves = (await decisions(['shed', 'restore', 'emergency'])).filter(({ at }) => at > before);
    process.stdout.write(`sawtooth: ${Math.round((Date.now() - before) / 1_000)} s, ${used.length} steps between ${Math.min(...used)} and ${Math.max(...used)} MB: ${moves.map(({ kind, platforms, measured }) => `${kind} ${platforms.join('+')} (${Math.round(measured?.freedMb ?? 0)} MB)`).join(', ') || 'nothing was shed'}\n`);
    for (const name of ['voice', 'android', 'discord']) expect(moves.filter(({ platforms }) => platforms.includes(name)).length).toBeLessThanOrEqual(1);
    expect(moves.filter(({ kind }) => kind === 'emergency')).toEqual([]);
    expect((await system.platform('brain')).state).toBe('ready');
  }, SAWTOOTH_MINUTES * 60_000 + 120_000);
});
