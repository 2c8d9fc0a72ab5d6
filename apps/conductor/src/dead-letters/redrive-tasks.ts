import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type DeadLetters, type Ledger, QueueProducer } from '@conductor/bus';
import { type RedisConnections, RedisUnavailable } from '@conductor/connections';
import { inboundQueue, type RedriveInput, RedriveTask } from '@conductor/contracts';
import { Lease, type Notices } from '@conductor/control';
import type { Logger } from '@conductor/observability';

const LEASE_MS = 5_000;
/** Letters are handed on in beats of this length, so that a high rate needs no timer a letter. */
const BEAT_MS = 100;
/** Of a beat, so many are read and handed on side by side. */
const AT_ONCE = 16;
const REMEMBERED_TASKS = 50;

/** At most this long nothing is heard of a cancelling, and the lease is not renewed. */
const LONGEST_PAUSE_MS = 500;

/** Somebody else's redrive is running: one at a time, so that its rate means something. */
export class RedriveRunning extends Error {
  override readonly name = 'RedriveRunning';
}

/** Runs redrives: one at a time, at a capped rate, visible while it runs, cancellable. Routers do the sending. */
export class RedriveTasks {
  private readonly key: string;
  private readonly lease: Lease;
  private readonly inbound: QueueProducer<typeof inboundQueue>;
  private readonly cancelled = new Set<string>();
  /** From the moment that one is asked for. */
  private isBusy = false;
  private running?: Promise<void> | undefined;
  private closing = false;

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
    private readonly deadLetters: DeadLetters,
    private readonly ledger: Ledger,
    holder: string,
    private readonly logger: Logger,
  ) {
    this.key = `${connections.namespace}:redrives`;
    this.lease = new Lease(connections, 'redrive', holder, LEASE_MS);
    this.inbound = new QueueProducer(inboundQueue, connections.forProducer(), connections.namespace);
    // Whoever runs the task hears of its cancelling, wherever it was asked for.
    notices.on('redrive', ({ task }) => {
      if (task.state === 'cancelled') this.cancelled.add(task.id);
    });
  }

  /** Ids of the letters that a redrive would take. */
  async select({ filter, ids }: Pick<RedriveInput, 'filter' | 'ids'>): Promise<string[]> {
    if (ids) return this.deadLetters.known([...new Set(ids)]);
    return Array.fromAsync(this.deadLetters.find(filter), ({ id }) => id);
  }

  /** @throws RedriveRunning, RedisUnavailable */
  async start(input: RedriveInput): Promise<RedriveTask> {
    if (this.isBusy) throw anotherRuns();
    this.isBusy = true;
    try {
      return await this.startAlone(input);
    } catch (error) {
      this.isBusy = false;
      throw error;
    }
  }

  private async startAlone(input: RedriveInput): Promise<RedriveTask> {
    // After an outage not every connection is back at once, and it would end before it had begun.
    if (!this.connections.isReady) throw new RedisUnavailable('not every connection to Redis is back yet');
    // A lease that Redis refuses to write is nobody's.
    await this.connections.tryWrite();
    if (!(await this.lease.holds())) throw anotherRuns();
    const ids = await this.select(input);
    const task: RedriveTask = { id: `redrive-${randomUUID().slice(0, 8)}`, state: 'running', startedAt: Date.now(), ...(input.to && { to: input.to }), ratePerSecond: input.ratePerSecond, total: ids.length, redriven: 0, skipped: 0 };
    await this.show(task);
    this.running = this.run(task, ids).finally(() => {
      this.running = undefined;
      this.isBusy = false;
    });
    return { ...task };
  }

  async all(): Promise<RedriveTask[]> {
    const tasks = (await this.connections.commands.hvals(this.key)).map((json) => RedriveTask.parse(JSON.parse(json)));
    return tasks.sort((a, b) => b.startedAt - a.startedAt);
  }

  async one(id: string): Promise<RedriveTask | undefined> {
    return (await this.all()).find((task) => task.id === id);
  }

  /** What was sent already stays sent. */
  async cancel(id: string): Promise<RedriveTask | undefined> {
    const task = await this.one(id);
    if (task?.state !== 'running') return task;
    this.cancelled.add(id);
    const ended: RedriveTask = { ...task, state: 'cancelled', endedAt: Date.now() };
    await this.show(ended);
    return ended;
  }

  /** A conductor that died in the middle leaves its task unfinished; its letters are still there. */
  async endOrphans(): Promise<void> {
    if (this.isBusy || !(await this.lease.holds())) return;
    for (const task of await this.all()) {
      if (task.state === 'running') await this.show({ ...task, state: 'failed', endedAt: Date.now(), reason: 'the conductor that ran it has ended; letters it had not sent are still here, start a new redrive' });
    }
    await this.lease.release();
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const task of await this.all().catch(() => [])) if (this.running && task.state === 'running') this.cancelled.add(task.id);
    await this.running;
    await this.inbound.close();
  }

  private async run(task: RedriveTask, ids: string[]) {
    const perBeat = Math.max(1, Math.round((task.ratePerSecond * BEAT_MS) / 1_000));
    const beatMs = (perBeat / task.ratePerSecond) * 1_000;
    try {
      for (let from = 0; from < ids.length && !this.cancelled.has(task.id); from += perBeat) {
        const beatEnds = Date.now() + beatMs;
        for (const some of slices(ids.slice(from, from + perBeat))) await Promise.all(some.map((id) => this.redrive(task, id)));
        await this.lease.holds();
        await this.show(task);
        if (from + perBeat < ids.length) await this.untilNextBeat(beatEnds, task);
      }
      task.state = this.cancelled.has(task.id) ? 'cancelled' : 'done';
    } catch (error) {
      task.state = 'failed';
      task.reason = error instanceof Error ? error.message : String(error);
      this.logger.warn({ err: error, task: task.id }, 'a redrive failed; what it had not sent is still among the dead letters');
    }
    task.endedAt = Date.now();
    await this.untilShown(task);
    await this.lease.release();
  }

  /** One that Redis broke off is shown as ended when Redis is back; it would run for ever otherwise. */
  private async untilShown(task: RedriveTask) {
    while (!(await this.show(task).then(() => true, () => this.closing))) await pause(LONGEST_PAUSE_MS);
  }

  /** Of a slow redrive: ends early when it is cancelled, and keeps the lease until then. */
  private async untilNextBeat(at: number, task: RedriveTask) {
    for (let left = at - Date.now(); left > 0 && !this.cancelled.has(task.id); left = at - Date.now()) {
      await pause(Math.min(left, LONGEST_PAUSE_MS));
      await this.lease.holds();
    }
  }

  private async redrive(task: RedriveTask, id: string) {
    const state = await this.ledger.state(id);
    const letter = await this.deadLetters.outline(id);
    if (!letter || state === 'answered' || state === 'discarded') {
      await this.deadLetters.remove(id);
      task.skipped++;
      return;
    }
    await this.inbound.add(`${task.id}.${id}`, { items: [{ type: 'redrive', request: letter.request, ...(task.to && { to: task.to }), task: task.id }] });
    task.redriven++;
  }

  private async show(task: RedriveTask) {
    const known = await this.all();
    for (const old of known.slice(REMEMBERED_TASKS)) await this.connections.commands.hdel(this.key, old.id);
    await this.connections.commands.hset(this.key, task.id, JSON.stringify(task));
    await this.notices.publish({ type: 'redrive', task });
  }
}

const slices = function* (ids: string[]): Generator<string[]> {
  for (let from = 0; from < ids.length; from += AT_ONCE) yield ids.slice(from, from + AT_ONCE);
};

const anotherRuns = () => new RedriveRunning('another redrive is running; watch or cancel it at /v1/redrives');
