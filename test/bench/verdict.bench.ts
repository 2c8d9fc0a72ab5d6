import { percentile, RawPoster } from './support/load';
import type { Result } from './support/report';
import { Stage } from './support/stage';

const VERDICTS = 200;

/** From the moment a platform is judged failed to the moment the router refuses the first request for it. */
export const verdictToRefusal = async (redisUrl: string): Promise<Result> => {
  const stage = await Stage.open(redisUrl);
  const poster = new RawPoster(stage.router.url);
  const bytes = RawPoster.bytes(`${stage.router.url}/v1/requests`, stage.key, { target: 'echo', kind: 'message', content: 'x' });
  const judge = (state: 'ready' | 'failed') => {
    const version = (stage.directory.verdicts.get('echo')?.version ?? 0) + 1;
    return stage.directory.judge({ name: 'echo', state, reason: state, since: Date.now(), version, at: Date.now(), instances: [] });
  };
  const untilStatus = async (wanted: number) => {
    while ((await poster.post(bytes)).status !== wanted) await new Promise((resolve) => setImmediate(resolve));
    return performance.now();
  };
  const took: number[] = [];
  for (let n = 0; n < VERDICTS; n++) {
    await judge('ready');
    await untilStatus(200);
    const startedAt = performance.now();
    const [, refusedAt] = await Promise.all([judge('failed'), untilStatus(503)]);
    took.push(refusedAt - startedAt);
  }
  poster.close();
  await stage.close();
  return {
    title: 'Verdict to refusal',
    note: `Milliseconds from judging a platform failed to the first refused request, ${VERDICTS} times, requests going on one after the other. Goal: p99 50.`,
    columns: ['p50', 'p90', 'p99', 'most'],
    rows: [[0.5, 0.9, 0.99, 1].map((share) => percentile(took, share).toFixed(2))],
  };
};
