import { Queue, QueueEvents } from 'bullmq';
import { join } from 'node:path';
import { closedLoop, median, RawPoster } from './support/load';
import { start } from './support/processes';
import type { Result } from './support/report';
import { Stage } from './support/stage';

const IN_FLIGHT = 64;
const ROUNDS = 5;
/** Until V8 has compiled what is used often: its threads compete with the requests for two cores. A plain worker, which has less to compile, is a new process in each round. */
const WARM_UP = { routed: 30_000, plain: 2_000 };
const COUNT = { plain: 6_000, bus: 15_000, rest: 12_000 };
const CONTENT = 'hello world '.repeat(10);

/** Routed requests a second on the bus and through REST beside a plain BullMQ echo of the same payload, round by round. */
export const throughput = async (redisUrl: string): Promise<Result> => {
  const stage = await Stage.open(redisUrl);
  const plain = await Promise.all([1, 10, 64].map((concurrency) => PlainEcho.open(redisUrl, concurrency)));
  const posters = Array.from({ length: IN_FLIGHT }, () => new RawPoster(stage.router.url));
  const bytes = RawPoster.bytes(`${stage.router.url}/v1/requests`, stage.key, { target: 'echo', kind: 'message', content: CONTENT });

  const onBus = async () => {
    const reply = await stage.inbound.ask('bench', { target: 'echo', kind: 'message', content: CONTENT }, 10_000, stage.inbox);
    if (!reply || reply.state !== 'answered') throw new Error(`not answered: ${JSON.stringify(reply)}`);
  };
  const byRest = async (lane: number) => {
    const { status, body } = await posters[lane]!.post(bytes);
    if (status !== 200) throw new Error(`${status}: ${body}`);
  };
  const runs = { 'plain, worker concurrency 1 (BullMQ’s default)': () => plain[0]!.run(COUNT.plain), 'plain, worker concurrency 10': () => plain[1]!.run(COUNT.plain), 'plain, worker concurrency 64': () => plain[2]!.run(COUNT.plain), 'routed on the bus': () => closedLoop(COUNT.bus, IN_FLIGHT, onBus), 'routed through REST': () => closedLoop(COUNT.rest, IN_FLIGHT, byRest) };
  await closedLoop(WARM_UP.routed, IN_FLIGHT, onBus);
  await closedLoop(WARM_UP.routed, IN_FLIGHT, byRest);
  for (const echo of plain) await echo.run(1_000);

  const measured: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(runs)) (measured[name] ??= []).push(await run());
  }
  posters.forEach((poster) => poster.close());
  for (const echo of plain) await echo.close();
  await stage.close();

  const base = Object.values(measured)[0]!;
  return {
    title: `Throughput, ${IN_FLIGHT} requests in flight`,
    note: `Requests a second: median of ${ROUNDS} rounds (least to most), all variants in turn in each round. The ratio is the median of the rounds’ ratios to a plain BullMQ \`add\` + \`waitUntilFinished\` echo with a worker as its documentation shows it. Measured after ${WARM_UP.routed.toLocaleString('en')} routed messages of each kind, and ${WARM_UP.plain.toLocaleString('en')} of each plain worker, which is a new process in each round. Goals: bus 3, REST 2.`,
    columns: ['what', 'requests/s', 'least – most', 'ratio'],
    rows: Object.entries(measured).map(([name, values]) => [name, Math.round(median(values)), `${Math.round(Math.min(...values))} – ${Math.round(Math.max(...values))}`, median(values.map((value, round) => value / base[round]!)).toFixed(2)]),
  };
};

/** BullMQ used the plain way. */
class PlainEcho {
  private constructor(
    private readonly queue: Queue,
    private readonly events: QueueEvents,
    private readonly redisUrl: string,
    private readonly concurrency: number,
  ) {}

  static async open(redisUrl: string, concurrency: number): Promise<PlainEcho> {
    const connection = { url: redisUrl };
    const queue = new Queue('plain-echo', { connection });
    queue.setMaxListeners(0);
    const events = new QueueEvents('plain-echo', { connection });
    events.setMaxListeners(0);
    await events.waitUntilReady();
    return new PlainEcho(queue, events, redisUrl, concurrency);
  }

  async run(count: number): Promise<number> {
    // Only while it is measured, so that no idle worker of another variant takes part.
    const worker = await start(join(__dirname, 'plain-worker.main.js'), [this.redisUrl, String(this.concurrency)], {});
    const data = { id: 'x', target: 'echo', kind: 'message', content: CONTENT };
    const echo = async () => {
      const job = await this.queue.add('echo', data, { removeOnComplete: { age: 3_600, count: 1_000 } });
      await job.waitUntilFinished(this.events);
    };
    await closedLoop(WARM_UP.plain, IN_FLIGHT, echo);
    const rate = await closedLoop(count, IN_FLIGHT, echo);
    worker.child.disconnect();
    return rate;
  }

  async close(): Promise<void> {
    await this.events.close();
    // The variants share one queue; whoever is last finds it gone.
    await this.queue.obliterate({ force: true });
    await this.queue.close();
  }
}
