import { randomBytes } from 'node:crypto';
import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import type { Caller } from './roles';
import { digestOf } from './key-hash';
import type { ApiKeys } from './keys';

const LASTS_SECONDS = 12 * 3_600;
const COOKIE = 'conductor_session';

/**
 * Log-ins of people's browsers: a random id in a cookie that scripts cannot read and other sites cannot send. Redis knows the id only by its
 * hash, and which key it was opened with: a revoked key ends its sessions.
 */
export class Sessions {
  constructor(
    private readonly connections: RedisConnections,
    private readonly keys: ApiKeys,
  ) {}

  /** @returns the session's id, for the cookie. @throws RedisUnavailable */
  async open(caller: Caller): Promise<string> {
    const id = randomBytes(32).toString('base64url');
    await this.redis((redis) => redis.set(this.key(id), caller.id, 'EX', LASTS_SECONDS));
    return id;
  }

  /** @throws RedisUnavailable */
  async find(id: string): Promise<Caller | undefined> {
    const keyId = await this.redis((redis) => redis.get(this.key(id)));
    return keyId === null ? undefined : this.keys.byId(keyId);
  }

  /** @throws RedisUnavailable */
  async close(id: string): Promise<void> {
    await this.redis((redis) => redis.del(this.key(id)));
  }

  private key(id: string): string {
    return `${this.connections.namespace}:session:${digestOf(id)}`;
  }

  private async redis<T>(command: (redis: RedisConnections['commands']) => Promise<T>): Promise<T> {
    try {
      return await command(this.connections.commands);
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}

/** The session id that a request's `Cookie` header carries. */
export const sessionIdOf = (cookies: string | undefined): string | undefined => cookies?.match(/(?:^|;\s*)conductor_session=([\w-]{43})(?:;|$)/)?.[1];

/** The `Set-Cookie` header that begins a session, or ends it when `id` is `undefined`. `secure` where we are reached by HTTPS; under a `prefix` it is sent to no other path. */
export const sessionCookie = (id: string | undefined, secure: boolean, prefix = ''): string =>
  `${COOKIE}=${id ?? ''}; Path=${prefix}/; HttpOnly; SameSite=Strict; Max-Age=${id ? LASTS_SECONDS : 0}${secure ? '; Secure' : ''}`;
