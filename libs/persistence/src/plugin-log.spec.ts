import type { PluginEvent } from '@conductor/contracts';
import { PluginLog } from './plugin-log';
import { onEachDatabase } from './testing/on-each-database';

const event = (id: string, at: number, more: Partial<PluginEvent> = {}): PluginEvent => ({ id, at, host: 'plugin-host-1', plugin: 'echo', event: 'started', version: '1.0.0', reason: 'it is wanted', by: 'system', ...more });

onEachDatabase('The history of plugins', (bench) => {
  it('gives back what was written, newest first, plugin by plugin; the same event again changes nothing', async () => {
    const log = new PluginLog(await bench.open());
    const events = [
      event('e-1', 1_000),
      event('e-2', 2_000, { event: 'swapped', version: '1.1.0', from: '1.0.0', by: 'Ada', ms: 412.5 }),
      event('e-3', 3_000, { event: 'swap-failed', step: 'health', plugin: 'other' }),
    ];
    await log.write(events);
    await log.write([event('e-1', 1_000, { reason: 'something else' })]);
    await log.write([]);

    expect(await log.list()).toEqual([events[2], events[1], events[0]]);
    expect(await log.list({ plugin: 'echo' })).toEqual([events[1], events[0]]);
    expect(await log.list({ plugin: 'echo', before: 2_000 })).toEqual([events[0]]);
    expect(await log.list({ limit: 1 })).toEqual([events[2]]);
  });

  it('is kept for so long, and of each plugin the newest events for ever', async () => {
    const log = new PluginLog(await bench.open());
    const of = (plugin: string, count: number, from: number) => Array.from({ length: count }, (_, n) => event(`${plugin}-${n}`, from + n, { plugin }));
    await log.write([...of('busy', 60, 1_000), ...of('rests', 3, 10), ...of('young', 5, 5_000)]);

    expect(await log.prune(5_000)).toBe(10);
    expect((await log.list({ plugin: 'busy', limit: 1_000 })).map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, n) => `busy-${59 - n}`));
    expect(await log.list({ plugin: 'rests' })).toHaveLength(3);
    expect(await log.list({ plugin: 'young' })).toHaveLength(5);

    expect(await log.prune(5_003, 2)).toBe(48 + 1 + 3);
    expect((await log.list({ plugin: 'young' })).map(({ id }) => id)).toEqual(['young-4', 'young-3']);
    expect(await log.prune(5_003, 2)).toBe(0);
  });

  it('of more than one step is pruned to its end', async () => {
    const log = new PluginLog(await bench.open());
    for (let at = 0; at < 2_300; at += 500) await log.write(Array.from({ length: 500 }, (_, n) => event(`e-${at + n}`, at + n)));
    expect(await log.prune(10_000)).toBe(2_500 - 50);
    expect(await log.list({ limit: 1_000 })).toHaveLength(50);
  });
});
