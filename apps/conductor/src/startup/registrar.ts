import type { PlatformDirectory, Presences } from '@conductor/control';
import type { Presence } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';

export interface Registration {
  platform: string;
  result: 'ready' | 'failed' | 'needs-attention' | 'unwanted' | 'late' | 'missing';
  ms: number;
  reason: string;
}

const LOOK_EVERY_MS = 100;
/** A permit may be lost with its notice, so it is repeated. */
const PERMIT_AGAIN_MS = 1_000;
/** A platform that did not start is tried again after 5, 10, 20, 40, 80 s, then left to an operator. */
const RETRIES = 5;

interface Retry {
  tries: number;
  at: number;
}

/**
 * Lets platforms start, one after the other, and goes on without those that take too long. Afterwards it stays: instances that
 * come later are let in the same way, and those that failed to start are tried again with growing pauses.
 */
export class Registrar {
  private readonly retries = new Map<string, Retry>();
  private turn: Promise<unknown> = Promise.resolve();
  private readonly busy = new Set<string>();
  private timer?: NodeJS.Timeout;
  private off?: () => void;

  constructor(
    private readonly context: AppContext,
    private readonly presences: Presences,
    private readonly directory: PlatformDirectory,
    private readonly onRegistered: (registration: Registration) => void,
  ) {}

  /** Registers the platforms that start-up waits for, in their order. */
  async registerAll(platforms: readonly string[]): Promise<void> {
    for (const platform of platforms) await this.inTurn(() => this.register(platform));
  }

  /** From now on looks after everyone who comes. */
  stay() {
    this.off = this.context.notices.on('instance', () => void this.look());
    this.timer = setInterval(() => void this.look(), 1_000).unref();
    void this.look();
  }

  leave() {
    this.off?.();
    clearInterval(this.timer);
  }

  private async look() {
    const here = await this.fresh().catch(() => []);
    for (const { platform, instance, lifecycle } of here) {
      if (this.busy.has(instance)) continue;
      if (lifecycle === 'ready' || lifecycle === 'degraded') this.retries.delete(instance);
      const due = lifecycle === 'registered' || (lifecycle === 'failed' && this.retryIsDue(instance));
      if (!due) continue;
      this.busy.add(instance);
      void this.inTurn(() => this.register(platform, instance)).finally(() => this.busy.delete(instance));
    }
  }

  /** Plans the retry when it is first asked for. */
  private retryIsDue(instance: string): boolean {
    const { retryBaseMs } = this.context.config.startup;
    const retry = this.retries.get(instance);
    if (!retry) {
      this.retries.set(instance, { tries: 1, at: Date.now() + jittered(retryBaseMs) });
      return false;
    }
    if (retry.tries > RETRIES || Date.now() < retry.at) return false;
    this.retries.set(instance, { tries: retry.tries + 1, at: Date.now() + jittered(retryBaseMs * 2 ** retry.tries) });
    return true;
  }

  private async register(platform: string, only?: string): Promise<void> {
    if (!this.directory.desired.get(platform)) await this.directory.desire(platform, { enabled: true, pinned: false, restarts: 0 });
    const registration = await this.start(platform, only);
    const { result, ms, reason } = registration;
    const log = result === 'ready' || result === 'unwanted' ? 'info' : 'warn';
    this.context.logger[log]({ platform, result, ms, reason }, `platform ${platform}: ${result} after ${ms} ms`);
    this.onRegistered(registration);
  }

  private async start(platform: string, only?: string): Promise<Registration> {
    let news = Promise.withResolvers<void>();
    const off = this.context.notices.on('instance', (notice) => notice.platform === platform && news.resolve());
    try {
      return await this.untilStarted(platform, only, async (ms) => {
        await Promise.race([news.promise, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
        news = Promise.withResolvers();
      });
    } finally {
      off();
    }
  }

  /** @param nextNews waits until an instance has something new, or for so long, since notices may be lost */
  private async untilStarted(platform: string, only: string | undefined, nextNews: (ms: number) => Promise<void>): Promise<Registration> {
    const { warnMs, giveUpMs } = this.context.config.startup;
    const startedAt = performance.now();
    const permitted = new Map<string, number>();
    let warned = false;
    for (;;) {
      const ms = Math.round(performance.now() - startedAt);
      const instances = (await this.fresh()).filter((presence) => presence.platform === platform && (only === undefined || presence.instance === only));
      const end = ending(instances, permitted);
      if (end) return { platform, ms, ...end };
      // Others wait for their turn behind it.
      if (only !== undefined && instances.length === 0) return { platform, ms, result: 'missing', reason: 'it left before it was ready; it is let in when it comes again' };
      if (ms > giveUpMs) {
        return instances.length === 0
          ? { platform, ms, result: 'missing', reason: `no process runs it; start-up goes on, and it is let in when it comes` }
          : { platform, ms, result: 'late', reason: `not ready after ${ms} ms (${instances[0]!.reason ?? instances[0]!.lifecycle}); start-up goes on, and it joins when it is ready` };
      }
      if (ms > warnMs && !warned) {
        warned = true;
        this.context.logger.warn({ platform, ms }, `platform ${platform} takes long to start`);
      }
      for (const { instance, lifecycle } of instances) {
        const waitsForPermit = lifecycle === 'registered' || (lifecycle === 'failed' && !permitted.has(instance));
        if (!waitsForPermit || Date.now() - (permitted.get(instance) ?? 0) < PERMIT_AGAIN_MS) continue;
        permitted.set(instance, Date.now());
        await this.context.notices.publish({ type: 'start-permit', platform, instance });
      }
      await nextNews(Math.min(LOOK_EVERY_MS, giveUpMs / 10));
    }
  }

  private async fresh(): Promise<Presence[]> {
    const { presenceTtlMs } = this.context.config.health;
    return (await this.presences.all()).filter(({ at }) => Date.now() - at < presenceTtlMs);
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.turn.then(step).catch((error: unknown) => this.context.logger.error({ err: error }, 'a platform could not be registered'));
    this.turn = done;
    return done;
  }
}

/** How a platform's start has ended, undefined while it has not. Any instance that works is enough. */
const ending = (instances: Presence[], permitted: ReadonlyMap<string, number>): Pick<Registration, 'result' | 'reason'> | undefined => {
  const find = (...states: string[]) => instances.find(({ lifecycle }) => states.includes(lifecycle));
  const works = find('ready', 'degraded');
  if (works) return { result: 'ready', reason: works.reason ?? works.lifecycle };
  const unwanted = find('disabled', 'suspended');
  if (unwanted) return { result: 'unwanted', reason: unwanted.reason ?? unwanted.lifecycle };
  const attention = find('needs-attention');
  if (attention && permitted.has(attention.instance)) return { result: 'needs-attention', reason: attention.reason ?? 'it needs a person' };
  const failed = instances.find(({ lifecycle, instance, at }) => lifecycle === 'failed' && (permitted.get(instance) ?? Infinity) < at);
  return failed && { result: 'failed', reason: failed.reason ?? 'it did not say why' };
};

const jittered = (ms: number) => ms * (0.8 + Math.random() * 0.4);
