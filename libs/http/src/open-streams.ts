import type { FastifyRequest } from 'fastify';
import { defer, finalize, Observable, takeUntil } from 'rxjs';
import type { ApiKeys } from './keys';
import { Problem } from './problem';
import type { Caller } from './roles';
import { sessionIdOf, type Sessions } from './sessions';

const MAX_STREAMS_PER_KEY = 50;
/** Log-ins end without a word, so they are looked at. */
const LOOK_MS = 5_000;

/** Event streams as long as they may be open: each ends with the key or the log-in that opened it, and a key has a bounded number. */
export class OpenStreams {
  private readonly ofKey = new Map<string, number>();

  constructor(
    private readonly keys: ApiKeys,
    private readonly sessions: Sessions | undefined,
    private readonly lookMs = LOOK_MS,
  ) {}

  /** @throws Problem rate-limited when the key has as many open as it may */
  guard<T>(request: FastifyRequest, stream: Observable<T>): Observable<T> {
    const { caller } = request;
    if (!caller) throw new Problem('unauthenticated', 'An event stream needs a key or a log-in.');
    if (this.count(caller) >= MAX_STREAMS_PER_KEY) throw new Problem('rate-limited', `The key "${caller.name}" has ${MAX_STREAMS_PER_KEY} event streams open in this process already. Close one first.`, { retryAfterSeconds: 5 });
    const session = request.headers.authorization === undefined ? sessionIdOf(request.headers.cookie) : undefined;
    return defer(() => {
      this.ofKey.set(caller.id, this.count(caller) + 1);
      return stream.pipe(takeUntil(this.ended(caller, session)));
    }).pipe(finalize(() => this.release(caller)));
  }

  private count({ id }: Caller): number {
    return this.ofKey.get(id) ?? 0;
  }

  private release(caller: Caller): void {
    const left = this.count(caller) - 1;
    if (left > 0) this.ofKey.set(caller.id, left);
    else this.ofKey.delete(caller.id);
  }

  /** Tells once that the key was revoked, or the log-in closed or over. */
  private ended(caller: Caller, session: string | undefined): Observable<void> {
    return new Observable((subscriber) => {
      const look = () => {
        if (!this.keys.stands(caller)) subscriber.next();
      };
      const deafen = this.keys.onChange(look);
      const lookAtSession = async () => {
        if (session !== undefined && this.sessions && !(await this.sessions.find(session))) subscriber.next();
      };
      // While Redis is away nothing is known, and nothing ends.
      const timer = session === undefined ? undefined : setInterval(() => void lookAtSession().catch(() => undefined), this.lookMs).unref();
      look();
      return () => {
        deafen();
        clearInterval(timer);
      };
    });
  }
}
