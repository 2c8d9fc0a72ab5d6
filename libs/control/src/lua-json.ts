/**
 * JSON that Lua in Redis can read, too. It refuses half a surrogate pair (which is what cutting a text in the middle of an emoji leaves),
 * and an entry that it cannot read could never be changed again.
 */
export const luaJson = (value: unknown): string => JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? inner.toWellFormed() : inner));
