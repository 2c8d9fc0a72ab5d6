import { z } from 'zod';

const token = (what: string, pattern: RegExp, max: number) =>
  z.string().max(max).regex(pattern, `${what} must match ${pattern.source} and hold at most ${max} characters`);

/** A platform's name: lower case, digits and dashes, e.g. `discord`. */
export const PlatformName = token('a platform name', /^[a-z][a-z0-9-]*$/, 64);

/** What sort of message it is, e.g. `message`, `command`, `answer`. One circuit breaker guards each kind of each platform. */
export const Kind = token('a kind', /^[a-z][a-z0-9._-]*$/, 64);

/** An id that callers may choose themselves. No `:` (queue engine) and no white space. */
export const RequestId = token('an id', /^[A-Za-z][A-Za-z0-9._-]*$|^[0-9][A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*$/, 128);

/** Ids that end so belong to what comes back to a sender as a message. */
const RETURN_SUFFIXES = ['.answer', '.failure'] as const;
export const answerIdOf = (id: string) => `${id}.answer`;
export const failureIdOf = (id: string) => `${id}.failure`;

/** An id chosen by a caller: short enough that its answer's id is one too, and not such an id itself. */
export const ChosenId = RequestId.max(120).refine((id) => !RETURN_SUFFIXES.some((suffix) => id.endsWith(suffix)), `must not end in ${RETURN_SUFFIXES.join(' or ')}`);

/** A free-form identifier given by a platform: a user, a channel, a device. */
export const ForeignId = z.string().min(1).max(256);
