import type { DeliveryFailure } from '@conductor/platform-kit';
import { failure } from './chat-failures';
import type { Completion } from './completion';

/** A model that gave no answer for this long may have been taken out of memory by its server. */
const COLD_AFTER_MS = 60_000;
/** Longer than a large model takes from a slow disk; then the endpoint is taken for one that hangs. */
const MAX_LOAD_MS = 300_000;
/** After a load that came to nothing, silence is a time-out again. */
const NO_LOAD_AGAIN_MS = 600_000;

interface Load {
  request: string;
  since: number;
  done: Promise<Completion | undefined>;
}

/**
 * Lets a model be loaded though the sender whose message caused it has left. Servers give up loading when their caller hangs up, so a
 * model that takes longer than a deadline would never be there. One request at most goes on without its sender.
 */
export class ModelLoad {
  private answeredAt = -Infinity;
  private failedAt = -Infinity;
  private load?: Load | undefined;
  private readonly leaving = new AbortController();

  /** Since when it has been loading (epoch ms), undefined while it is not. */
  get since(): number | undefined {
    return this.load?.since;
  }

  /**
   * Asks the model. A request that goes on without its sender is found again by its id.
   * @param late what becomes of a message whose time is over though the model is loaded
   * @throws DeliveryFailure, and what `ask` throws
   */
  async complete(request: string, ask: (signal: AbortSignal) => Promise<Completion>, signal: AbortSignal, late: () => DeliveryFailure): Promise<Completion> {
    const { load } = this;
    if (load) {
      const answer = await until(load.done, signal);
      if (signal.aborted) throw this.loading();
      if (answer && load.request === request) return answer;
    }
    const own = new AbortController();
    const startedAt = Date.now();
    const answer = ask(AbortSignal.any([own.signal, this.leaving.signal]));
    answer.then(() => (this.answeredAt = Date.now()), () => {});
    const first = await until(answer, signal);
    if (first !== undefined) return first;
    if (!this.mayBeLoading(startedAt)) {
      own.abort();
      throw late();
    }
    this.goOn({ request, since: startedAt, done: answer.catch(() => undefined) }, own);
    throw this.loading();
  }

  stop(): void {
    this.leaving.abort();
  }

  private mayBeLoading(startedAt: number): boolean {
    const wasUsed = Math.max(this.answeredAt, startedAt - COLD_AFTER_MS) > startedAt - COLD_AFTER_MS;
    return !wasUsed && this.load === undefined && Date.now() - this.failedAt > NO_LOAD_AGAIN_MS;
  }

  private goOn(load: Load, own: AbortController) {
    const givenUp = setTimeout(() => own.abort(), MAX_LOAD_MS).unref();
    this.load = load;
    void load.done.then((answer) => {
      clearTimeout(givenUp);
      if (answer === undefined) this.failedAt = Date.now();
      this.load = undefined;
    });
  }

  private loading(): DeliveryFailure {
    const seconds = this.load ? Math.round((Date.now() - this.load.since) / 1_000) : 0;
    return failure('model-loading', `the language model gives no answer yet, since ${seconds} s: it is probably being loaded, which goes on; come again`);
  }
}

/** What the promise resolves with, undefined when the signal aborts first. */
const until = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
  if (signal.aborted) return undefined;
  let stop!: () => void;
  const aborted = new Promise<undefined>((resolve) => signal.addEventListener('abort', (stop = () => resolve(undefined))));
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
};
