import type { Outcome } from '@conductor/contracts';
import { DeliveryFailure } from './delivery-failure';
import type { PlatformPlugin, PlatformRequest } from './platform-plugin';

/** After its signal, a handler has this long to end by itself before it is abandoned. */
const GRACE_MS = 100;

export interface AttemptResult {
  outcome: Outcome;
  platformMs: number;
  /** The handler ignored its signal and may still be running. */
  abandoned: boolean;
}

/** Asks a platform to carry one message out, within a time that is kept whatever the platform does. */
export const attempt = async (plugin: PlatformPlugin, request: PlatformRequest, budgetMs: number, repeatable: boolean): Promise<AttemptResult> => {
  const deadline = new AbortController();
  const started = performance.now();
  const timers: NodeJS.Timeout[] = [];
  const late = new Promise<'late'>((resolve) => {
    timers.push(
      setTimeout(() => {
        deadline.abort(new DOMException(`no answer within ${budgetMs} ms`, 'TimeoutError'));
        timers.push(setTimeout(resolve, GRACE_MS, 'late'));
      }, budgetMs),
    );
  });

  const handled = callHandler(plugin, request, deadline.signal).then(
    (answer): Outcome => ({ result: 'done', answer }),
    (error: unknown): Outcome => (deadline.signal.aborted && !(error instanceof DeliveryFailure) ? timedOut(budgetMs, repeatable) : DeliveryFailure.from(error).outcome),
  );
  const first = await Promise.race([handled, late]);
  timers.forEach(clearTimeout);
  const outcome = first === 'late' ? timedOut(budgetMs, repeatable) : first;
  return { outcome, platformMs: round(performance.now() - started), abandoned: first === 'late' };
};

/** A handler that throws before its first await, or answers with no object, is treated like any other failure. */
const callHandler = async (plugin: PlatformPlugin, request: PlatformRequest, signal: AbortSignal) => {
  const answer: unknown = await plugin.handleRequest(request, signal);
  if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) {
    throw invalidAnswer(`the platform answered with ${answer === null ? 'null' : Array.isArray(answer) ? 'an array' : typeof answer} instead of an object`);
  }
  try {
    JSON.stringify(answer);
  } catch (error) {
    // Found here, because further on it could not be told from a fault of ours and the message would be asked again.
    throw invalidAnswer(`the platform answered with something that cannot be written as JSON (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`, error);
  }
  return answer as Awaited<ReturnType<PlatformPlugin['handleRequest']>>;
};

const invalidAnswer = (message: string, cause?: unknown) => DeliveryFailure.never({ code: 'invalid-answer', message, class: 'error', cause });

/** To the next hundredth of a millisecond, never 0: that says that the platform was not asked. */
const round = (ms: number) => Math.max(0.01, Math.ceil(ms * 100) / 100);

const timedOut = (budgetMs: number, repeatable: boolean): Outcome =>
  repeatable
    ? { result: 'retry', code: 'timeout', class: 'timeout', message: `the platform gave no answer within ${budgetMs} ms` }
    : { result: 'unknown', code: 'outcome-unknown', class: 'timeout', message: `the platform gave no answer within ${budgetMs} ms; it may or may not have carried the message out` };
