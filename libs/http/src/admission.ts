import type { FastifyRequest } from 'fastify';
import { networkOf } from '@conductor/platform-shell';
import type { BodyPacer } from './body-pacer';
import { BODY_LIMIT } from './body-limit';
import type { HttpEntry } from './http-entry';
import type { Caller, Role } from './roles';
import type { ApiKeys } from './keys';
import { Problem } from './problem';
import { Quota } from './quota';
import { sessionIdOf, type Sessions } from './sessions';

const WRONG_KEYS_A_MINUTE = 20;
const LONGEST_KEY = 512;

/** Decides who may come in: which key a request carries, what its role may, and whether it comes too often. */
export class Admission {
  private readonly wrongKeys = new Quota(WRONG_KEYS_A_MINUTE);
  private readonly requests: Quota;

  constructor(
    private readonly keys: ApiKeys,
    private readonly sessions: Sessions | undefined,
    private readonly entry: HttpEntry,
    ratePerMinute: number,
    private readonly bodies: BodyPacer,
  ) {
    this.requests = new Quota(ratePerMinute);
  }

  /**
   * Sets `request.caller`. A known key is admitted at once, without a promise: this runs for every request.
   * @throws Problem (also by rejecting)
   */
  admit(request: FastifyRequest): void | Promise<void> {
    const { permitted, limited } = request.routeOptions.config;
    if (permitted === undefined) {
      if (limited === false) return;
      this.count(networkOf(request.ip));
      return this.bodies.admit(networkOf(request.ip), sizeOf(request));
    }
    const { authorization } = request.headers;
    if (authorization === undefined) return this.admitSession(request, permitted);
    const key = bearerOf(authorization);
    const known = this.keys.remembered(key);
    if (known) return this.enter(request, known, permitted);
    return this.identify(key, request.ip).then((caller) => this.enter(request, caller, permitted));
  }

  /**
   * Whose key this is. Wrong ones count against the address they come from, right ones are never refused for them: many callers may share
   * an address, and telling a wrong key costs next to nothing. @throws Problem, RedisUnavailable
   */
  async identify(key: string, address: string): Promise<Caller> {
    const known = this.keys.remembered(key);
    if (known) return known;
    const caller = key.length <= LONGEST_KEY ? await this.keys.verify(key) : undefined;
    if (caller) return caller;
    if (!this.wrongKeys.take(networkOf(address))) throw this.lockedOut();
    throw new Problem('unauthenticated', 'This key is not known. It may have been revoked; ask an administrator for one.');
  }

  private async admitSession(request: FastifyRequest, permitted: ReadonlySet<Role>): Promise<void> {
    const id = this.sessions && sessionIdOf(request.headers.cookie);
    if (!this.sessions || id === undefined) throw new Problem('unauthenticated', 'Send an API key as "Authorization: Bearer <key>".');
    // Cookies travel by themselves, so a change must come from one of our own pages.
    if (!isReading(request.method) && this.entry.originOf(request.raw) !== 'same') throw new Problem('forbidden', 'A change made with a session must come from a page of this door.');
    const caller = await this.sessions.find(id);
    if (!caller) throw new Problem('unauthenticated', 'This session has ended. Log in again.');
    return this.enter(request, caller, permitted);
  }

  /** @returns nothing where it may go on at once */
  private enter(request: FastifyRequest, caller: Caller, permitted: ReadonlySet<Role>): void | Promise<void> {
    if (!permitted.has(caller.role)) throw new Problem('forbidden', `The key "${caller.name}" is a key for "${caller.role}"; this needs ${[...permitted].join(' or ')}.`, { keyId: caller.id });
    if (request.routeOptions.config.limited !== false) this.count(caller.id);
    request.caller = caller;
    return this.bodies.admit(caller.id, sizeOf(request));
  }

  private count(name: string): void {
    if (this.requests.take(name)) return;
    throw new Problem('rate-limited', 'More requests than allowed in one minute (RATE_LIMIT_PER_MINUTE).', { retryAfterSeconds: this.requests.secondsToNextWindow });
  }

  private lockedOut(): Problem {
    return new Problem('locked-out', `More than ${WRONG_KEYS_A_MINUTE} wrong keys came from this address within a minute. A right one is let in all the same.`, { retryAfterSeconds: this.wrongKeys.secondsToNextWindow });
  }
}

/** Keys of our own are plain ASCII; a preset may be any text, whose bytes HTTP hands over one by one. */
const bearerOf = (authorization: string): string => {
  const key = /^Bearer +(\S.*)$/i.exec(authorization)?.[1];
  if (key === undefined) throw new Problem('unauthenticated', 'The header "Authorization" must read "Bearer <key>".');
  return /[\x80-\xff]/.test(key) ? Buffer.from(key, 'latin1').toString() : key;
};

/** What its body holds at most: one that is sent in pieces says nothing of it. */
const sizeOf = ({ headers }: FastifyRequest): number => (headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : BODY_LIMIT);

const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
