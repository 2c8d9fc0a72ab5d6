import { openLoop, percentile, RawPoster } from './support/load';
import type { Result } from './support/report';
import { Stage } from './support/stage';

const PER_SECOND = 500;
const SECONDS = 20;
/** Until V8 has compiled what is used often, which takes its threads from the requests on two cores. */
const WARM_UP_SECONDS = 10;

/** What routing adds to the platform's own time, seen from outside, at a steady 500 requests a second. */
export const overhead = async (redisUrl: string): Promise<Result> => {
  const stage = await Stage.open(redisUrl);
  const idle: RawPoster[] = [];
  const bytes = RawPoster.bytes(`${stage.router.url}/v1/requests`, stage.key, { target: 'echo', kind: 'message', content: 'hello world' });
  const outside: number[] = [];
  const told: number[] = [];
  const call = async () => {
    const poster = idle.pop() ?? new RawPoster(stage.router.url);
    const startedAt = performance.now();
    const { status, body } = await poster.post(bytes);
    const whole = performance.now() - startedAt;
    if (status !== 200) throw new Error(`${status}: ${body}`);
    const { timings } = JSON.parse(body) as { timings: { platformMs: number; overheadMs: number } };
    outside.push(whole - timings.platformMs);
    told.push(timings.overheadMs);
    idle.push(poster);
  };
  await openLoop(PER_SECOND, WARM_UP_SECONDS, call);
  outside.length = told.length = 0;
  await openLoop(PER_SECOND, SECONDS, call);
  idle.forEach((poster) => poster.close());
  const ping = await bareRoundTrips(stage);
  await stage.close();
  const row = (name: string, values: number[]) => [name, ...[0.5, 0.9, 0.99, 1].map((share) => percentile(values, share).toFixed(2))];
  return {
    title: `Routing overhead at ${PER_SECOND} requests/s, open loop, ${SECONDS} s after ${WARM_UP_SECONDS} s of the same`,
    note: 'Milliseconds: the whole time of a REST request minus the platform’s own. Goals: p50 2.5, p99 10. A request makes about five round trips between processes one after the other, so what the machine needs to wake a process counts that often.',
    columns: ['measured', 'p50', 'p90', 'p99', 'most'],
    rows: [row('by the client', outside), row('by the router (`timings.overheadMs`)', told), row('for comparison: one bare Redis PING after a pause of 2 ms', ping)],
  };
};

/** What the machine itself needs for one question and answer between two processes that were at rest. */
const bareRoundTrips = async ({ context }: Stage): Promise<number[]> => {
  const took: number[] = [];
  for (let n = 0; n < 1_000; n++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const startedAt = performance.now();
    await context.connections.subscriber.ping();
    took.push(performance.now() - startedAt);
  }
  return took;
};
