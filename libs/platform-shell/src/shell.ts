import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { asRedisAddress, type AppName, type Config, portOf } from '@conductor/config';
import type { ControlNotice, HealthCheck, HealthReport, Presence } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { Redis } from 'ioredis';
import { collectGarbage } from './collect-garbage';
import { ResidentMemory } from './resident-memory';
import { ShellDoor } from './shell-door';
import { inWords, type Unwanted, unwantedAll } from './wishes';

/** A process that starts waits this long for Redis before it loads everything, which then waits on. */
const FIRST_READ_MS = 3_000;
/** A lost notice heals after this time. */
const RE_READ_MS = 3_000;

/**
 * What stands for the platforms of a process while none of them is wanted: says that they are here and suspended, answers health
 * checks, takes no work, and waits for one to be wanted. It loads no framework, no queue and no platform.
 */
export class Shell {
  private readonly redis: Redis;
  private readonly subscriber: Redis;
  private readonly door: ShellDoor;
  private readonly startedAt = Date.now();
  private readonly ids: ReadonlyMap<string, string>;
  private readonly desiredKey: string;
  private readonly presencesKey: string;
  private readonly channels: { notices: string; checks: string };
  private readonly memory = new ResidentMemory();
  private readonly timers: NodeJS.Timeout[] = [];
  private all: Unwanted[] = [];
  private wake: () => void = () => {};

  constructor(
    private readonly app: AppName,
    private readonly platforms: readonly string[],
    private readonly config: Config & { redisUrl: string },
    private readonly logger: Logger,
  ) {
    const { namespace, redisUrl } = config;
    const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times, 6), 2_000) * (0.5 + Math.random() / 2);
    // After a failover the same name leads to another server, which is found by connecting anew.
    const reconnectOnError = (error: Error) => /^(READONLY|UNBLOCKED|MASTERDOWN|CLUSTERDOWN) /.test(error.message);
    this.redis = new Redis(asRedisAddress(redisUrl), { maxRetriesPerRequest: null, commandTimeout: FIRST_READ_MS, disconnectTimeout: 100, retryStrategy, reconnectOnError });
    this.subscriber = new Redis(asRedisAddress(redisUrl), { maxRetriesPerRequest: null, disconnectTimeout: 100, retryStrategy, reconnectOnError, lazyConnect: true });
    for (const connection of [this.redis, this.subscriber]) connection.on('error', () => {});
    this.ids = new Map(platforms.map((platform) => [platform, `${platform}-${randomBytes(4).toString('hex')}`]));
    this.desiredKey = `${namespace}:desired`;
    this.presencesKey = `${namespace}:presences`;
    this.channels = { notices: `${namespace}:notices`, checks: `${namespace}:checks` };
    this.door = new ShellDoor(app, () => ({ reason: inWords(this.all), redisIsReady: this.redis.status === 'ready' }), config);
  }

  /** Whether anything of this process is wanted. What cannot be read is `unknown`: Redis is away, or slow because memory is short. */
  async look(): Promise<'wanted' | 'unwanted' | 'unknown'> {
    try {
      const all = unwantedAll(this.platforms, await this.redis.hgetall(this.desiredKey));
      if (!all) return 'wanted';
      this.all = all;
      return 'unwanted';
    } catch (error) {
      this.logger.debug({ err: error }, 'what is wanted cannot be read');
      return 'unknown';
    }
  }

  /** Stands in until a platform is wanted. @param onOpen gets the URL of the door, and why nothing runs */
  async standIn(onOpen: (url: string, reason: string) => void): Promise<void> {
    const wanted = new Promise<void>((resolve) => (this.wake = resolve));
    const url = await this.door.open(this.config.host, portOf(this.config, this.app));
    this.subscriber.on('message', (channel, text) => this.hear(channel, text));
    await this.subscriber.subscribe(...Object.values(this.channels));
    // Before it says how much memory it takes.
    collectGarbage();
    await this.sayHere('arrived');
    this.logger.info({ url, rssMb: this.memory.look().rssMb }, `a thin shell, nothing is loaded: ${inWords(this.all)}`);
    onOpen(url, inWords(this.all));
    this.timers.push(setInterval(() => void this.sayHere(), this.config.health.presenceTtlMs / 4), setInterval(() => void this.follow(), RE_READ_MS));
    // What was wished for since the first look.
    void this.follow();
    await wanted;
  }

  /** Leaves nothing behind: whoever comes next says himself that he is here. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    if (this.timers.length > 0) {
      await this.door.close();
      if (this.redis.status === 'ready') await this.leave().catch(() => {});
    }
    this.subscriber.disconnect();
    this.redis.disconnect();
  }

  private hear(channel: string, text: string) {
    if (channel === this.channels.checks) return void this.answer(parsed<HealthCheck>(text)).catch(() => {});
    const notice = parsed<ControlNotice>(text);
    if (notice?.type === 'desired' && this.platforms.includes(notice.desired.platform)) void this.follow();
  }

  private async follow() {
    if (this.redis.status !== 'ready') return;
    const before = inWords(this.all);
    const found = await this.look();
    if (found === 'wanted') this.wake();
    else if (inWords(this.all) !== before) await this.sayHere('changed');
  }

  private async sayHere(event?: 'arrived' | 'changed') {
    if (this.redis.status !== 'ready') return;
    const presences = this.all.map((one) => this.presence(one));
    try {
      await this.redis.hset(this.presencesKey, Object.fromEntries(presences.map((presence) => [presence.instance, JSON.stringify(presence)])));
      if (event) for (const presence of presences) await this.tell(event, presence);
    } catch (error) {
      this.logger.debug({ err: error }, 'a presence is put off');
    }
  }

  private async leave() {
    await this.redis.hdel(this.presencesKey, ...this.ids.values());
    for (const one of this.all) await this.tell('left', this.presence(one));
  }

  private async answer(check: HealthCheck | undefined) {
    if (!check) return;
    const reports = this.all.map(({ platform, lifecycle, reason }): HealthReport => ({
      check: check.check, platform, instance: this.ids.get(platform)!, pid: process.pid, lifecycle, health: { status: 'failed', reason },
      requests: 0, errors: 0, abandoned: 0, inFlight: 0, limit: 0, rssMb: this.memory.look().rssMb,
    }));
    await this.redis.publish(check.inbox, JSON.stringify(reports));
  }

  private tell(event: 'arrived' | 'changed' | 'left', { platform, instance, lifecycle, reason }: Presence) {
    const notice: ControlNotice = { type: 'instance', platform, instance, event, lifecycle, ...(reason !== undefined && { reason }) };
    return this.redis.publish(this.channels.notices, JSON.stringify(notice));
  }

  private presence({ platform, lifecycle, reason }: Unwanted): Presence {
    return {
      platform, instance: this.ids.get(platform)!, pid: process.pid, host: hostname(), app: this.app, startedAt: this.startedAt, at: Date.now(),
      lifecycle, reason, concurrency: 0, limit: 0, inFlight: 0, ...this.memory.look(),
    };
  }
}

/** The channels are open to every program on this Redis; nonsense is no notice. */
const parsed = <T>(text: string): T | undefined => {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
};
