import { join } from 'node:path';
import { median } from './support/load';
import { memoryOf, start } from './support/processes';
import type { Result } from './support/report';
import { permit, Stage } from './support/stage';

const PLATFORMS = 100;
const SAMPLES = 10;

/** One health monitor over 100 platforms: what a tick costs its event loop, and what it weighs. */
export const healthTick = async (redisUrl: string): Promise<Result> => {
  const stage = await Stage.open(redisUrl);
  const env = { ...stage.env, HEALTH_MONITOR_PORT: '0', HEALTH_INTERVAL_MS: '1000' };
  const crowd = await start(join(__dirname, 'echo-platform.main.js'), [String(PLATFORMS)], stage.env);
  const monitor = await start(join(__dirname, '..', '..', 'apps', 'health-monitor', 'src', 'main.js'), [], env, ['--max-semi-space-size=2']);
  const bare = await start(join(__dirname, 'bare-nest.main.js'), [], {}, ['--max-semi-space-size=2']);
  await permit(stage.context);
  const ticks: number[] = [];
  let before = { seconds: 0, count: 0 };
  for (let sample = 0; sample < SAMPLES + 5; sample++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const text = await (await fetch(`${monitor.url}/metrics`)).text();
    const total = (name: string) => Number(new RegExp(`^health_tick_event_loop_seconds_${name}\\S* ([\\d.e-]+)$`, 'm').exec(text)?.[1] ?? NaN);
    const [seconds, count] = [total('sum'), total('count')];
    if (sample >= 5 && count > before.count) ticks.push(((seconds - before.seconds) / (count - before.count)) * 1_000);
    before = { seconds, count };
  }
  const [own, nothing] = [memoryOf(monitor.child.pid!), memoryOf(bare.child.pid!)];
  bare.child.disconnect();
  await Promise.all([crowd.stop(), monitor.stop()]);
  await stage.close();
  return {
    title: `Health tick with ${PLATFORMS} platforms`,
    note: 'Event-loop time of one tick: asking all, taking in every answer, judging, writing down. Memory: resident, and the part shared with no file. Goals: 40 ms; less than 50 MB above a bare Nest app.',
    columns: ['what', 'figure'],
    rows: [
      ['event-loop time of a tick, median', `${median(ticks).toFixed(1)} ms`],
      ['event-loop time of a tick, most', `${Math.max(...ticks).toFixed(1)} ms`],
      ['memory of the health monitor', `${own.rssMb} MB (${own.privateMb} MB private)`],
      ['memory of a bare Nest app', `${nothing.rssMb} MB (${nothing.privateMb} MB private)`],
      ['difference', `${own.rssMb - nothing.rssMb} MB (${own.privateMb - nothing.privateMb} MB private)`],
    ],
  };
};
