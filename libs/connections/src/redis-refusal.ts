import { RedisUnavailable } from './redis-unavailable';

/** Whether Redis takes a command, as it says by the first word of an error, and what that means for whoever runs it. */
const REFUSALS: Record<string, { reason: string; retryAfterMs: number }> = {
  READONLY: { reason: 'Redis takes no writes: it is a replica now, as after a failover. The connection is made anew to reach the new primary', retryAfterMs: 2_000 },
  OOM: { reason: 'Redis has no memory left for more (maxmemory): give it more, or let what waits be carried out', retryAfterMs: 10_000 },
  MISCONF: { reason: 'Redis takes no writes, since it cannot write its file: its disk is full, most likely, or not writable', retryAfterMs: 5_000 },
  LOADING: { reason: 'Redis is still reading its file', retryAfterMs: 2_000 },
  BUSY: { reason: 'Redis is busy with a script', retryAfterMs: 2_000 },
  TRYAGAIN: { reason: 'Redis is moving keys to another node', retryAfterMs: 2_000 },
  CLUSTERDOWN: { reason: 'the cluster of Redis is down: some of its slots are served by nobody', retryAfterMs: 5_000 },
  UNBLOCKED: { reason: 'Redis became a replica while a worker waited, as at a failover. The connection is made anew to reach the new primary', retryAfterMs: 2_000 },
  MASTERDOWN: { reason: 'Redis is a replica that has lost its primary', retryAfterMs: 5_000 },
  NOREPLICAS: { reason: 'Redis takes no writes while too few replicas are there (min-replicas-to-write)', retryAfterMs: 5_000 },
  NOAUTH: { reason: 'Redis wants a password: put it into REDIS_URL', retryAfterMs: 10_000 },
  WRONGPASS: { reason: 'Redis refuses user name or password: mend REDIS_URL', retryAfterMs: 10_000 },
  NOPERM: { reason: 'the user in REDIS_URL may not do this: look at its ACL', retryAfterMs: 10_000 },
};

/** The word stands at the beginning, or behind what a script, a transaction or an earlier error puts before it. */
const WORD = new RegExp(`(?:^|[\\s:'"(-])(${Object.keys(REFUSALS).join('|')})(?=[\\s:]|$)`);
/** As words they may also stand in an error of ours. */
const SAYS_REDIS = /^ReplyError$/;

/** The name of the refusal, where Redis refused a command. */
export const refusalIn = (error: unknown): string | undefined => {
  for (const one of withInner(error)) {
    const word = WORD.exec(one.message)?.[1];
    if (word !== undefined && (SAYS_REDIS.test(one.name) || one.message.startsWith(word) || /\bscript\b|EXECABORT/i.test(one.message))) return word;
  }
  return undefined;
};

/** What Redis says when another server is to be asked: a failover has happened, or is about to. */
export const isFailover = (error: unknown): boolean => ['READONLY', 'UNBLOCKED', 'MASTERDOWN', 'CLUSTERDOWN'].includes(refusalIn(error) ?? '');

/** @returns undefined where the error is none of Redis' refusals */
export const refused = (error: unknown): RedisUnavailable | undefined => {
  const name = refusalIn(error);
  if (name === undefined) return undefined;
  const { reason, retryAfterMs } = REFUSALS[name]!;
  return new RedisUnavailable(`${reason} (${name})`, { cause: error, retryAfterMs, refusal: name });
};

/** Of transactions and pipelines, the errors of their commands. */
const withInner = (error: unknown): Error[] => {
  if (!(error instanceof Error)) return [];
  const { previousErrors, errors, cause } = error as { previousErrors?: unknown; errors?: unknown; cause?: unknown };
  return [error, ...[previousErrors, errors].flatMap((list) => (Array.isArray(list) ? list.flatMap(withInner) : [])), ...(cause instanceof Error ? withInner(cause) : [])];
};
