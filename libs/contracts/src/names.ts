import { z } from 'zod';

const token = (what: string, pattern: RegExp, max: number) =>
  z.string().max(max).regex(pattern, `${what} must match ${pattern.source} and hold at most ${max} characters`);

/** A platform's name: lower case, digits and dashes, e.g. `discord`. */
export const PlatformName = token('a platform name', /^[a-z][a-z0-9-]*$/, 64);

/** What sort of message it is, e.g. `message`, `command`, `answer`. One circuit breaker guards each kind of each platform. */
export const Kind = token('a kind', /^[a-z][a-z0-9._-]*$/, 64);

/** An id that callers may choose themselves. No `:` (queue engine) and no white space. */
export const RequestId = token('an id', /^[A-Za-z][A-Za-z0-9._-]*$|^[0-9][A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*$/, 128);

/** Ids that end so belong to answers that travel as messages. */
export const ANSWER_SUFFIX = '.answer';
export const answerIdOf = (id: string) => `${id}${ANSWER_SUFFIX}`;

/** An id chosen by a caller: short enough that its answer's id is one too, and not such an id itself. */
export const ChosenId = RequestId.max(120).refine((id) => !id.endsWith(ANSWER_SUFFIX), `must not end in ${ANSWER_SUFFIX}`);

/** A free-form identifier given by a platform: a user, a channel, a device. */
export const ForeignId = z.string().min(1).max(256);
