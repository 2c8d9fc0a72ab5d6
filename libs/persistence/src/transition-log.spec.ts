import { openDatabase } from './database';
import { eventually } from './testing/eventually';
import { onEachDatabase } from './testing/on-each-database';
import { TransitionLog } from './transition-log';

onEachDatabase('The transition log', (bench) => {
  it('gives back the transitions of platforms, newest first', async () => {
    const log = new TransitionLog(await bench.open());
    const failed = { at: 1000, platform: 'stubs', from: 'ready', to: 'failed', reason: '3 failures in a row' };
    const back = { at: 2000, platform: 'stubs', from: 'failed', to: 'ready', reason: 'it answers again' };
    log.platform(failed);
    log.platform(back);
    log.platform({ ...failed, platform: 'android', at: 1500 });
    expect(await log.flush()).toBe(0);

    expect(await log.platforms({ platform: 'stubs' })).toEqual([back, failed]);
    expect(await log.platforms({ from: 1001, to: 2000 })).toMatchObject([{ platform: 'android' }]);
    expect(await log.platforms({ limit: 1 })).toEqual([back]);
  });

  it('gives back the transitions of breakers by platform, operation and router', async () => {
    const log = new TransitionLog(await bench.open());
    const opened = { at: 1000, platform: 'stubs', operation: 'message', router: 'router-1', from: 'closed', to: 'open', reason: '5 failures' };
    log.breaker(opened);
    log.breaker({ ...opened, at: 1001, operation: 'command' });
    log.breaker({ ...opened, at: 1002, router: 'router-2' });
    await log.flush();

    expect(await log.breakers({ operation: 'message', router: 'router-1' })).toEqual([opened]);
    expect(await log.breakers({ platform: 'stubs' })).toHaveLength(3);
  });

  it('gives back the steps of one start-up', async () => {
    const log = new TransitionLog(await bench.open());
    const step = { at: 1, boot: 'b1', phase: 'database', result: 'ok', ms: 12 };
    log.startupStep(step);
    log.startupStep({ ...step, at: 2, phase: 'platforms', platform: 'stubs', result: 'failed', detail: 'no token' });
    log.startupStep({ ...step, boot: 'b2' });
    await log.flush();

    expect(await log.startupSteps({ boot: 'b1' })).toEqual([
      { at: 2, boot: 'b1', phase: 'platforms', platform: 'stubs', result: 'failed', ms: 12, detail: 'no token' },
      step,
    ]);
  });

  it('keeps the order of what happened within one millisecond', async () => {
    const log = new TransitionLog(await bench.open());
    const states = ['registered', 'starting', 'ready', 'failed', 'recovering', 'ready'];
    states.slice(1).forEach((to, index) => log.platform({ at: 5, platform: 'stubs', from: states[index] as string, to, reason: '' }));
    await log.flush();

    expect((await log.platforms()).map(({ to }) => to).reverse()).toEqual(states.slice(1));
  });

  it('keeps what happened while the database was away', async () => {
    const place = await bench.place();
    await using database = await openDatabase({ ...place, lockWaitMs: 20 });
    await database.migrate();
    const log = new TransitionLog(database, { flushEveryMs: 10, firstBackoffMs: 10, maxBackoffMs: 50 });

    const bringBack = await bench.takeAway(place);
    log.platform({ at: 1, platform: 'stubs', from: 'ready', to: 'failed', reason: 'the machine shook' });
    await eventually(() => expect(log.stats().lastError).toBeDefined());
    await bringBack();

    await eventually(async () => expect(await log.platforms()).toHaveLength(1));
  });
});
