import type { DeadLetter, ProblemDocument, RedriveTask, RequestRecord } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { System } from './support/system';

/** The launcher leaves alone what dies so often within a minute. */
const DEATHS_TO_QUARANTINE = 5;
/** “Within seconds”: a killed process is seen by its launcher, a frozen one by its silence of 4 s and a check every 5 s. */
const SEEN_KILLED_MS = 5_000;
const SEEN_FROZEN_MS = 12_000;
/** What hangs so long is killed: later than it is seen. */
const SILENCE_MS = 15_000;

const answersIn = (record: RequestRecord) => record.trail.filter(({ step }) => step === 'answered');

describe('a platform that is killed', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start({ env: { LAUNCHER_SILENCE_MS: String(SILENCE_MS) } });
    await system.put('conductor', '/v1/routes/shouts', { match: { kind: ['shout'] }, target: 'twitch', fallbacks: ['brain'] });
  }, 120_000);
  afterAll(() => system.stop(), 30_000);

  it('is seen to fail within seconds, and comes back by itself', async () => {
    const before = await system.platform('twitch');
    const killed = system.kill('stubs');
    const killedAt = Date.now();
    const failed = await system.untilPlatform('twitch', 'failed');
    const seenMs = Date.now() - killedAt;
    await system.untilBack('stubs', killed);
    const { instances } = await system.untilPlatform('twitch', 'ready');

    expect(before.instances).toEqual([expect.objectContaining({ pid: killed })]);
    expect(seenMs).toBeLessThan(SEEN_KILLED_MS);
    expect(failed.reason).toMatch(/SIGKILL|no instance/);
    expect(instances.filter(({ pid }) => pid !== killed)).toHaveLength(1);
    expect((await system.send({ target: 'twitch', content: 'Welcome back' })).status).toBe(200);
  }, 60_000);

  it('is seen when it hangs, and messages that it did not take in time are not sent after all', async () => {
    const wake = system.freeze('stubs');
    const [late, seen] = await Promise.all([
      system.send({ id: 'hung-1', target: 'twitch', content: 'Are you there?', deadlineMs: 1_000 }),
      (async (since) => {
        const platform = await system.untilPlatform('twitch', 'failed');
        return { platform, ms: Date.now() - since };
      })(Date.now()),
    ]).finally(wake);
    await system.untilPlatform('twitch', 'ready');

    expect([late.status, late.body]).toEqual([504, expect.objectContaining({ code: 'deadline-exceeded', request: expect.objectContaining({ id: 'hung-1', state: 'dead-lettered' }) })]);
    expect(seen.ms).toBeLessThan(SEEN_FROZEN_MS);
    expect(seen.platform.reason).toMatch(/silent/);
    expect((await system.send({ target: 'twitch', content: 'There you are' })).status).toBe(200);
    const record = await system.record('hung-1');
    expect([record.state, answersIn(record)]).toEqual(['dead-lettered', []]);
    await system.delete('conductor', '/v1/dead-letters/hung-1');
  }, 60_000);

  it('is started again when it hangs and does not stop to, and it is said why', async () => {
    const hung = system.pid('stubs');
    system.freeze('stubs');
    await until(async () => expect((await system.platform('twitch')).reason).toMatch(/its process did nothing any more, did not answer for 15.0 s, and was killed/), 60_000);
    await system.untilBack('stubs', hung);
    await system.untilPlatform('twitch', 'ready');

    expect((await system.send({ target: 'twitch', content: 'And again' })).status).toBe(200);
  }, 120_000);

  describe('again and again', () => {
    const waiting = { id: 'waits-1', target: 'twitch', content: 'I can wait', waitFor: 'acceptance' };
    const impatient = { id: 'cannot-wait-1', target: 'twitch', content: 'I cannot wait' };

    beforeAll(async () => {
      let last = 0;
      await until(() => {
        const { pid, state } = system.run.apps['stubs']!;
        if (pid !== undefined && pid !== last) last = system.kill('stubs');
        expect(state).toBe('quarantined');
      }, 60_000);
    }, 70_000);

    it('is left alone, and whoever asks is told why', async () => {
      const { body } = await system.ask<{ items: Array<{ app: string; state: string; reason: string }> }>('conductor', '/v1/processes');
      const failed = await system.untilPlatform('twitch', 'failed');

      expect(body.items.find(({ app }) => app === 'stubs')).toMatchObject({ state: 'quarantined', reason: expect.stringContaining(`died ${DEATHS_TO_QUARANTINE} times`) });
      expect(failed.reason).toMatch(/\w{3,}/);
    });

    it('keeps messages waiting that may wait', async () => {
      const { status, body } = await system.send(waiting);
      const record = await system.record(waiting.id);

      expect([status, body]).toEqual([202, { id: waiting.id, status: expect.any(String) }]);
      expect(['queued', 'waiting']).toContain(record.state);
      expect(record.trail).toContainEqual(expect.objectContaining({ step: 'passed-over', platform: 'twitch', message: expect.stringContaining('failed') }));
      expect((await system.platform('twitch')).queue.waiting + (await system.platform('twitch')).queue.delayed).toBe(1);
    });

    it('lets messages fall back where a route says so', async () => {
      const { status, body } = await system.send<RequestRecord>({ id: 'falls-back-1', kind: 'shout', content: 'Anyone?' });

      expect([status, body.platform]).toEqual([200, 'brain']);
      expect((await system.record('falls-back-1')).trail).toEqual(
        expect.arrayContaining([expect.objectContaining({ step: 'passed-over', platform: 'twitch', rule: 'shouts' }), expect.objectContaining({ step: 'routed', platform: 'brain', rule: 'shouts' })]),
      );
    });

    it('puts messages that can neither wait nor fall back among the dead letters, with a reason, at once', async () => {
      const { status, body, headers, ms } = await system.send<ProblemDocument>(impatient);
      const letter = await system.get<DeadLetter>('conductor', `/v1/dead-letters/${impatient.id}`);

      expect([status, body.code, body.request]).toEqual([503, 'platform-unavailable', expect.objectContaining({ id: impatient.id, state: 'dead-lettered' })]);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(ms).toBeLessThan(1_000);
      expect(letter).toMatchObject({ platform: 'twitch', code: 'platform-unavailable', reason: expect.stringMatching(/twitch.*failed: ./), request: { content: 'I cannot wait' } });
      expect(letter.attempts.length).toBeGreaterThan(0);
    });

    it('says in its explanation what would happen now', async () => {
      const { body } = await system.post('router', '/v1/routes/explain', { kind: 'shout', content: 'Anyone?' });

      expect(body).toMatchObject({ rule: 'shouts', target: 'twitch', decision: { platform: 'brain' }, candidates: [{ platform: 'twitch', state: 'failed', available: false }, { platform: 'brain', available: true }] });
    });

    it('is brought back by an operator, and what has waited is answered by itself', async () => {
      const { status } = await system.post('conductor', '/v1/processes/stubs/start');
      const answered = await system.settled(waiting.id, 30_000);
      await system.untilPlatform('twitch', 'ready');

      expect(status).toBe(202);
      expect(answered).toMatchObject({ state: 'answered', platform: 'twitch' });
      expect(answersIn(answered)).toHaveLength(1);
    }, 60_000);

    it('gets the dead letters once they are redriven, each once', async () => {
      const filter = { platform: 'twitch' };
      const dry = await system.post('conductor', '/v1/dead-letters/redrive', { filter, dryRun: true });
      expect([dry.status, dry.body]).toEqual([200, { dryRun: true, matched: 1, ids: [impatient.id] }]);

      const { status, body: task } = await system.post<RedriveTask>('conductor', '/v1/dead-letters/redrive', { filter });
      const answered = await until(async () => {
        const record = await system.record(impatient.id);
        expect(record.state).toBe('answered');
        return record;
      });
      const ended = await until(async () => {
        const seen = await system.get<RedriveTask>('conductor', `/v1/redrives/${task.id}`);
        expect(seen.state).toBe('done');
        return seen;
      });

      expect([status, ended.redriven]).toEqual([202, 1]);
      expect(answered).toMatchObject({ answer: { ok: true, received: { text: 'I cannot wait' } } });
      expect(answered.trail.map(({ step }) => step)).toEqual(['accepted', 'passed-over', 'dead-lettered', 'redriven', 'routed', 'started', 'answered']);
      expect(await system.get('conductor', '/v1/dead-letters')).toMatchObject({ total: 0, items: [] });
    });

    it('never gets a message twice, whoever sends or redrives it again', async () => {
      const again = await Promise.all([impatient, waiting].map((message) => system.send<RequestRecord>(message)));
      await system.post('conductor', '/v1/dead-letters/redrive', { ids: [impatient.id, waiting.id] });
      const records = await Promise.all([impatient.id, waiting.id].map((id) => system.record(id)));

      expect(again.map(({ status }) => status)).toEqual([200, 200]);
      expect(again.map(({ body }) => body.answer)).toEqual(records.map(({ answer }) => answer));
      for (const record of records) expect(answersIn(record)).toHaveLength(1);
    });
  });
});
