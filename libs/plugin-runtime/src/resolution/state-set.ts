/*
 * A set of states that one package may be in, as the bits of a bigint: bit n stands for its n-th version, the best first, and the bit
 * after the last version for "not there at all". So "not in these versions" is simply the other bits, the same as in any other set.
 */
export type StateSet = bigint;

export const EMPTY: StateSet = 0n;

/** All versions, and absence. */
export const everyState = (versions: number): StateSet => (1n << BigInt(versions + 1)) - 1n;
export const absence = (versions: number): StateSet => 1n << BigInt(versions);
export const only = (version: number): StateSet => 1n << BigInt(version);

/** The set of the versions at which `holds` is true. */
export const setOf = <T>(versions: readonly T[], holds: (version: T) => boolean): StateSet =>
  versions.length === 0 ? EMPTY : BigInt(`0b${[...versions].reverse().map((version) => (holds(version) ? '1' : '0')).join('')}`);

export const contains = (set: StateSet, part: StateSet) => (set & part) === part;

/** The best state in the set, which must not be empty. */
export const best = (set: StateSet): number => (set & -set).toString(2).length - 1;

export const sizeOf = (set: StateSet): number => {
  let size = 0;
  for (const digit of set.toString(16)) size += BITS[digit]!;
  return size;
};
const BITS: Record<string, number> = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [n.toString(16), n.toString(2).replaceAll('0', '').length]));
