import { Redis } from 'ioredis';
import { flood } from './flood.bench';
import { healthTick } from './health-tick.bench';
import { overhead } from './overhead.bench';
import { plugins } from './plugins.bench';
import { swap } from './swap.bench';
import { print, type Result, writeReport } from './support/report';
import { wholeSystem } from './system.bench';
import { throughput } from './throughput.bench';
import { verdictToRefusal } from './verdict.bench';

/** `node main.js <redis url> <report file> [names…]`: runs the benchmarks; a report is written when all ran. */
const [redisUrl = '', file = '', ...names] = process.argv.slice(2);

/** Throughput after those that measure delays: what it leaves behind keeps Redis busy for a while. */
const benches: Record<string, () => Promise<Result | Result[]>> = {
  overhead: () => overhead(redisUrl),
  verdict: () => verdictToRefusal(redisUrl),
  health: () => healthTick(redisUrl),
  throughput: () => throughput(redisUrl),
  plugins: () => plugins(),
  swap: () => swap(),
  flood: () => flood(),
  system: () => wholeSystem(),
};

const redisVersion = async (): Promise<string> => {
  const redis = new Redis(redisUrl);
  const info = await redis.info('server');
  redis.disconnect();
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'of unknown version';
};

void (async () => {
  const results: Result[] = [];
  for (const [name, bench] of Object.entries(benches)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`Measuring: ${name} …`);
    const measured = [await bench()].flat();
    measured.forEach(print);
    results.push(...measured);
  }
  if (names.length === 0) writeReport(file, results, await redisVersion());
  process.exit(0);
})().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
