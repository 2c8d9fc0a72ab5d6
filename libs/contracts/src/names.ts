import { z } from 'zod';

const token = (what: string, pattern: RegExp, max: number) =>
  z.string().max(max).regex(pattern, `${what} must match ${pattern.source} and hold at most ${max} characters`);

/** A platform's name: lower case, digits and dashes, e.g. `discord`. */
export const PlatformName = token('a platform name', /^[a-z][a-z0-9-]*$/, 64);

/** What sort of message it is, e.g. `message`, `command`, `answer`. One circuit breaker guards each kind of each platform. */
export const Kind = token('a kind', /^[a-z][a-z0-9._-]*$/, 64);

/** Kinds that only the Conductor gives: what comes back to a sender as a message. */
export const RETURN_KINDS: readonly string[] = ['answer', 'failure'];

/** An id that callers may choose themselves. No `:` (queue engine) and no white space. */
export const RequestId = token('an id', /^[A-Za-z][A-Za-z0-9._-]*$|^[0-9][A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*$/, 160);

/** Ids that end so belong to what comes back to a sender as a message. */
const RETURN_SUFFIXES = ['.answer', '.failure'] as const;
export const answerIdOf = (id: string) => `${id}.answer`;
export const failureIdOf = (id: string) => `${id}.failure`;

/** Follows an id that another caller had chosen before: whose it is, as 12 hexadecimal digits. */
const OWNER_SUFFIX = /\.by-[0-9a-f]{12}$/;
export const ownerSuffix = (digits: string) => `.by-${digits}`;
/** The id as its caller chose it. */
export const chosenIdOf = (id: string) => id.replace(OWNER_SUFFIX, '');

/** An id chosen by a caller: short enough that its answer's id is one too, and neither such an id itself nor one that names an owner. */
export const ChosenId = RequestId.max(120)
  .refine((id) => !RETURN_SUFFIXES.some((suffix) => id.endsWith(suffix)), `must not end in ${RETURN_SUFFIXES.join(' or ')}`)
  .refine((id) => !OWNER_SUFFIX.test(id), 'must not end as the id of one of several callers does (.by- and 12 hexadecimal digits)');

/** A free-form identifier given by a platform: a user, a channel, a device. */
export const ForeignId = z.string().min(1).max(256);
