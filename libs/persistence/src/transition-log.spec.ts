import type { HistoryRowOf } from '@conductor/contracts';
import { identified } from './testing/check';
import { onEachDatabase } from './testing/on-each-database';
import { TransitionLog, type TransitionRow } from './transition-log';

const rowsOf = <K extends TransitionRow['kind']>(kind: K, rows: Array<HistoryRowOf<K>>) => identified(rows).map((row) => ({ kind, ...row }) as unknown as TransitionRow);

onEachDatabase('The transition log', (bench) => {
  it('gives back the transitions of platforms, newest first', async () => {
    const log = new TransitionLog(await bench.open());
    const failed = { at: 1000, platform: 'stubs', from: 'ready', to: 'failed', reason: '3 failures in a row' };
    const back = { at: 2000, platform: 'stubs', from: 'failed', to: 'ready', reason: 'it answers again' };
    await log.write(rowsOf('platform-transition', [failed, back, { ...failed, platform: 'android', at: 1500 }]));

    expect(await log.platforms({ platform: 'stubs' })).toEqual([back, failed]);
    expect(await log.platforms({ from: 1001, to: 2000 })).toMatchObject([{ platform: 'android' }]);
    expect(await log.platforms({ limit: 1 })).toEqual([back]);
  });

  it('gives back the transitions of breakers by platform, operation and router', async () => {
    const log = new TransitionLog(await bench.open());
    const opened = { at: 1000, platform: 'stubs', operation: 'message', router: 'router-1', from: 'closed', to: 'open', reason: '5 failures' };
    await log.write(rowsOf('breaker-transition', [opened, { ...opened, at: 1001, operation: 'command' }, { ...opened, at: 1002, router: 'router-2' }]));

    expect(await log.breakers({ operation: 'message', router: 'router-1' })).toEqual([opened]);
    expect(await log.breakers({ platform: 'stubs' })).toHaveLength(3);
  });

  it('gives back the steps of one start-up', async () => {
    const log = new TransitionLog(await bench.open());
    const step = { at: 1, boot: 'b1', phase: 'database', result: 'ok', ms: 12 };
    await log.write(rowsOf('startup-step', [step, { ...step, at: 2, phase: 'platforms', platform: 'stubs', result: 'failed', detail: 'no token' }, { ...step, boot: 'b2' }]));

    expect(await log.startupSteps({ boot: 'b1' })).toEqual([
      { at: 2, boot: 'b1', phase: 'platforms', platform: 'stubs', result: 'failed', ms: 12, detail: 'no token' },
      step,
    ]);
  });

  it('keeps the order of what happened within one millisecond', async () => {
    const log = new TransitionLog(await bench.open());
    const states = ['registered', 'starting', 'ready', 'failed', 'recovering', 'ready'];
    await log.write(rowsOf('platform-transition', states.slice(1).map((to, index) => ({ at: 5, platform: 'stubs', from: states[index] as string, to, reason: '' }))));

    expect((await log.platforms()).map(({ to }) => to).reverse()).toEqual(states.slice(1));
  });
});
