import type { RedisConnections } from '@conductor/connections';
import { BreakerState } from '@conductor/contracts';
import type { Notices, PlatformDirectory } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import { type Admission, type BreakerSettings, PlatformBreaker, PROBE_TIMEOUT_MS } from './platform-breaker';

/** Kinds are named by callers: beyond this number a platform's further kinds share one breaker. */
const OPERATIONS_PER_PLATFORM = 32;
const OTHERS = 'others';
/** States in which a platform takes messages; one that is only starting is not probed. */
const WORKS = new Set<string>(['ready', 'degraded', 'recovering']);
/** Each router shows its breakers anew this often; what was not shown for three times as long belongs to a router that is gone. */
const SHOW_MS = 5_000;

/** Only the holder's own: after a long pause it may be another's by now. */
const RELEASE_SLOT = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** All breakers of one router, fed with health verdicts and operators' wishes, shown to everyone. */
export class BreakerBoard {
  private readonly breakers = new Map<string, Map<string, PlatformBreaker>>();
  private readonly key: string;
  private readonly shows: NodeJS.Timeout;

  constructor(
    private readonly router: string,
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
    private readonly directory: PlatformDirectory,
    private readonly settings: BreakerSettings,
    private readonly logger: Logger,
  ) {
    this.key = breakersKey(connections.namespace);
    this.shows = setInterval(() => void this.store(this.states()).catch(() => {}), SHOW_MS).unref();
    directory.verdicts.onChange((platform, verdict) => {
      for (const breaker of this.of(platform)) {
        if (verdict.state === 'failed') breaker.trip(verdict.reason);
        else if (WORKS.has(verdict.state)) breaker.probeSoon(`health: ${verdict.reason}`);
      }
    });
    directory.desired.onChange((platform, { forcedBreaker }) => {
      for (const breaker of this.of(platform)) breaker.force(forcedBreaker);
    });
  }

  admit(platform: string, operation: string): Promise<Admission> {
    return this.get(platform, operation).admit();
  }

  /** For showing; asking makes no breaker. */
  position(platform: string, operation: string): { position: string; why: string } {
    const operations = this.breakers.get(platform);
    const breaker = operations?.get(operation) ?? (operations && isFull(operations) ? operations.get(OTHERS) : undefined);
    if (!breaker) return { position: this.directory.desired.get(platform)?.forcedBreaker ?? 'closed', why: 'no failures' };
    return { position: breaker.position, why: breaker.state.reason };
  }

  states(): BreakerState[] {
    return [...this.breakers].flatMap(([platform, operations]) =>
      [...operations].map(([operation, breaker]) => ({ platform, operation, router: this.router, at: Date.now(), ...breaker.state })),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.shows);
    const fields = this.states().map(({ platform, operation }) => this.field(platform, operation));
    for (const operations of this.breakers.values()) for (const breaker of operations.values()) breaker.shutdown();
    if (fields.length > 0) await this.connections.commands.hdel(this.key, ...fields).catch(() => {});
  }

  private get(platform: string, operation: string): PlatformBreaker {
    let operations = this.breakers.get(platform);
    if (!operations) this.breakers.set(platform, (operations = new Map()));
    const known = operations.get(operation);
    if (known) return known;
    if (isFull(operations) && operation !== OTHERS) return this.get(platform, OTHERS);

    const slotKey = `${this.connections.namespace}:probe:${platform}:${operation}`;
    const { commands } = this.connections;
    const breaker: PlatformBreaker = new PlatformBreaker(
      this.settings,
      {
        take: async () => (await commands.set(slotKey, this.router, 'PX', PROBE_TIMEOUT_MS, 'NX')) === 'OK',
        release: async () => void (await commands.eval(RELEASE_SLOT, 1, slotKey, this.router)),
      },
      (position, reason) => {
        this.logger.warn({ platform, operation, position, reason }, `the circuit breaker of ${platform} (${operation}) is ${position}: ${reason}`);
        void this.show(platform, operation);
      },
    );
    operations.set(operation, breaker);
    breaker.force(this.directory.desired.get(platform)?.forcedBreaker);
    const verdict = this.directory.verdicts.get(platform);
    if (verdict?.state === 'failed') breaker.trip(verdict.reason);
    return breaker;
  }

  private async show(platform: string, operation: string) {
    const breaker = this.states().find((state) => state.platform === platform && state.operation === operation);
    if (!breaker) return;
    await Promise.all([this.notices.publish({ type: 'breaker', breaker }), this.store([breaker])]).catch((error: unknown) =>
      this.logger.debug({ err: error }, 'a breaker’s state could not be shown'),
    );
  }

  private async store(states: BreakerState[]) {
    const fields = states.flatMap((state) => [this.field(state.platform, state.operation), JSON.stringify(state)]);
    if (fields.length > 0) await this.connections.commands.hset(this.key, ...fields);
  }

  private of(platform: string): Iterable<PlatformBreaker> {
    return this.breakers.get(platform)?.values() ?? [];
  }

  private field(platform: string, operation: string) {
    return `${this.router}/${platform}/${operation}`;
  }
}

const isFull = (operations: Map<string, PlatformBreaker>) => operations.size >= OPERATIONS_PER_PLATFORM;

const breakersKey = (namespace: string) => `${namespace}:breakers`;

/** Breakers of all routers as they were last shown; what routers left behind that are gone is swept away. */
export const shownBreakers = async (connections: RedisConnections): Promise<BreakerState[]> => {
  const key = breakersKey(connections.namespace);
  const fields = Object.entries(await connections.commands.hgetall(key)).map(([field, json]) => ({ field, state: BreakerState.parse(JSON.parse(json)) }));
  const stale = fields.filter(({ state }) => Date.now() - state.at >= 3 * SHOW_MS).map(({ field }) => field);
  if (stale.length > 0) await connections.commands.hdel(key, ...stale);
  return fields.filter(({ field }) => !stale.includes(field)).map(({ state }) => state);
};
