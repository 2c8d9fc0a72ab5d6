import type { RedriveTask } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { Crowd, RECIPIENT, type Tally } from './support/crowd';
import { Phone } from './support/phone';
import { APPS, type Program, System } from './support/system';

/** `CHAOS=full` kills every program in the middle of 2,000 messages; without it, the three that matter most in the middle of 400. */
const FULL = process.env['CHAOS'] === 'full';
const MESSAGES = FULL ? 2_000 : 400;
const VICTIMS: readonly Program[] = FULL ? [...APPS, 'redis'] : ['router', 'stubs', 'redis'];
const LIMIT_MS = FULL ? 600_000 : 150_000;

/** What still has to work while a program is down; that the brain answers, where nothing else is said. */
const GOES_ON: Record<Program, (system: System) => Promise<unknown>> = {
  brain: (system) => answered(system, 'twitch'),
  router: (system) => system.get('conductor', '/v1/status'),
  redis: async (system) => expect((await system.ask('router', '/health/live', { key: null })).status).toBe(200),
};

const answered = async (system: System, target: string) => expect([target, (await system.send({ target, content: 'still there?' })).status]).toEqual([target, 200]);

/** A short recovery: a job whose worker died is taken over after 3 s. */
const env = { JOB_LOCK_MS: '3000' };

const summary = (what: string, { sent, accepted, answered: done, waiting, deadLettered, codes, repeats }: Tally) =>
  process.stdout.write(`${what}: ${sent} messages, ${accepted} accepted = ${done} answered + ${waiting} waiting + ${deadLettered} dead-lettered (${codes || 'none'}); ${repeats} sent again\n`);

/** Nothing lost, nothing answered twice, whatever happened to it. */
const account = async (what: string, crowd: Crowd, system: System) => {
  const { tally, records, lost } = await crowd.tally();
  summary(what, tally);
  const all = [...records.values()];

  expect(lost).toEqual([]);
  expect(tally.accepted).toBe(crowd.messages.length);
  expect(tally.accepted).toBe(tally.answered + tally.waiting + tally.deadLettered);
  // Everything is up again: what may wait has been answered by now.
  expect(all.filter(({ state }) => !['answered', 'dead-lettered'].includes(state)).map(({ id, state, trail }) => ({ id, state, trail }))).toEqual([]);
  for (const record of all) {
    const times = record.trail.filter(({ step }) => step === 'answered').length;
    if (times !== (record.state === 'answered' ? 1 : 0)) expect(record).toBe(`${record.state}, and answered once or never, but it was ${times} times`);
    if (record.state === 'dead-lettered') expect(record.reason).toMatch(/\w{3,}/);
    if (crowd.given.has(record.id)) expect({ id: record.id, answer: record.answer }).toEqual({ id: record.id, answer: crowd.given.get(record.id) });
  }
  expect(await crowd.sendAllAgain(records)).toEqual([]);

  const got = await everythingOnThePhone(system);
  const sentToPhone = all.filter(({ platform, state }) => platform === 'android' && state === 'answered').map(({ id }) => id);
  expect(got).toHaveLength(new Set(got).size);
  expect(sentToPhone.filter((id) => !got.includes(id))).toEqual([]);
};

const everythingOnThePhone = async (system: System): Promise<string[]> => (await (await Phone.of(system, RECIPIENT)).history()).items.map(({ id }) => id);

describe('nothing is lost', () => {
  it(`when ${VICTIMS.join(', ')} are killed one after the other, in the middle of ${MESSAGES} messages`, async () => {
    const system = await System.start({ env });
    try {
      const crowd = new Crowd(system, 'one-by-one', MESSAGES);
      const share = Math.floor(MESSAGES / VICTIMS.length);
      crowd.start();
      for (const victim of VICTIMS) {
        await crowd.meets(share, async () => {
          const killed = system.kill(victim);
          let back = false;
          const goesOn = (async () => {
            let times = 0;
            for (; !back; times++) await (GOES_ON[victim] ?? ((up) => answered(up, 'brain')))(system);
            return times;
          })();
          goesOn.catch(() => undefined); // told below
          await system.untilBack(victim, killed).finally(() => (back = true));
          expect([victim, (await goesOn) > 0]).toEqual([victim, true]);
        });
      }
      await crowd.end();
      await system.untilWell();
      await account('killed one by one', crowd, system);
    } finally {
      await system.stop();
    }
  }, LIMIT_MS);

  it(`when everything is killed at once, Redis and the launcher too, in the middle of ${MESSAGES} messages`, async () => {
    const first = await System.start({ env });
    const crowd = new Crowd(first, 'at-once', MESSAGES);
    crowd.start();
    await crowd.meets(MESSAGES, () => first.killEverything());
    const toldBefore = crowd.accepted.size;
    const second = await System.start({ home: first.home, env });
    try {
      crowd.turnTo(second);
      await crowd.end();
      await until(() => second.untilWell());

      expect(toldBefore).toBeGreaterThan(0);
      await account('killed at once', crowd, second);
    } finally {
      await second.stop();
    }
  }, LIMIT_MS);

  it('when the conductor, Redis and the router are killed in the middle of a redrive', async () => {
    const system = await System.start({ env });
    try {
      const ids = Array.from({ length: FULL ? 600 : 200 }, (_, n) => `redriven-${n}`);
      await system.post('conductor', '/v1/platforms/twitch/disable');
      await until(async () => expect((await system.send({ target: 'twitch', content: 'off yet?' })).status).toBe(503));
      const refused = await Promise.all(ids.map((id) => system.send({ id, target: 'twitch', content: `for ${id}` })));
      expect(refused.filter(({ body }) => body.request?.state !== 'dead-lettered')).toEqual([]);
      await system.post('conductor', '/v1/platforms/twitch/enable');
      await system.untilPlatform('twitch', 'ready');

      const letters = async () => (await system.get<{ total: number }>('conductor', '/v1/dead-letters?platform=twitch&limit=1')).total;
      const redrive = () => until(async () => expect((await system.post('conductor', '/v1/dead-letters/redrive', { filter: { platform: 'twitch' }, ratePerSecond: 50 })).status).toBe(202), 30_000);
      for (const victim of ['conductor', 'redis', 'router'] as const) {
        const before = await letters();
        await redrive();
        await until(async () => expect(await letters()).toBeLessThan(before), 20_000);
        const killed = system.kill(victim);
        await system.untilBack(victim, killed);
        await system.untilWell();
      }
      // What the broken redrives had not sent is still here, and nothing is anywhere in between.
      await until(async () => {
        if ((await letters()) === 0) return;
        await redrive();
        throw new Error('there were letters left');
      }, 60_000);
      const records = await Promise.all(ids.map((id) => system.settled(id, 30_000)));

      expect(records.filter(({ state, trail }) => state !== 'answered' || trail.filter(({ step }) => step === 'answered').length !== 1)).toEqual([]);
      await until(async () => expect((await system.get<{ items: RedriveTask[] }>('conductor', '/v1/redrives')).items.filter(({ state }) => state === 'running')).toEqual([]));
    } finally {
      await system.stop();
    }
  }, LIMIT_MS);
});
