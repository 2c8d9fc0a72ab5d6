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
});
