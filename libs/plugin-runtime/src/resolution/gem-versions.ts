import type { VersionScheme } from './version-scheme';

/*
 * Versions and requirements as RubyGems and CocoaPods write them: any number of segments (`1.3.0.1`), letters for what comes before a
 * release (`3.0.0.beta1`), requirements such as `~> 1.2` or `>= 1.0, < 3`. Only needed for cases of others against which the solver is
 * judged; plugins have semantic versions.
 */

type Segment = number | string;

const segmentsOf = (version: string): Segment[] => {
  const segments = (version.trim() || '0').replaceAll('-', '.pre.').match(/[0-9]+|[a-z]+/gi) ?? [];
  return segments.map((part) => (/^[0-9]/.test(part) ? Number(part) : part));
};

/** Trailing zeros say nothing: 1.0 is 1. Nor do those before the first letter: 1.0.a is 1.a. */
const canonical = (version: string): Segment[] => {
  const segments = segmentsOf(version);
  const letter = segments.findIndex((part) => typeof part === 'string');
  const [numbers, rest] = letter < 0 ? [segments, []] : [segments.slice(0, letter), segments.slice(letter)];
  const trimmed = (parts: Segment[]) => parts.slice(0, parts.findLastIndex((part) => part !== 0) + 1);
  return [...trimmed(numbers), ...trimmed(rest)];
};

const compare = (a: string, b: string): number => {
  const [left, right] = [canonical(a), canonical(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [x, y] = [left[at] ?? 0, right[at] ?? 0];
    if (x === y) continue;
    // A letter is older than any number, as `1.0.beta` is older than `1.0`.
    if (typeof x === 'string') return typeof y === 'string' ? (x < y ? -1 : 1) : -1;
    return typeof y === 'string' ? 1 : x - y;
  }
  return 0;
};

const isPrerelease = (version: string) => /[a-z]/i.test(version);

/** `~> 1.2.3` ends before `1.3`, `~> 1.2` before `2`. */
const ceiling = (version: string): string => {
  const segments = segmentsOf(version);
  const letter = segments.findIndex((part) => typeof part === 'string');
  const numbers = (letter < 0 ? segments : segments.slice(0, letter)) as number[];
  if (numbers.length > 1) numbers.pop();
  return [...numbers.slice(0, -1), numbers.at(-1)! + 1].join('.');
};

const RULES: Record<string, (version: string, than: string) => boolean> = {
  '=': (version, than) => compare(version, than) === 0,
  '!=': (version, than) => compare(version, than) !== 0,
  '>': (version, than) => compare(version, than) > 0,
  '<': (version, than) => compare(version, than) < 0,
  '>=': (version, than) => compare(version, than) >= 0,
  '<=': (version, than) => compare(version, than) <= 0,
  '~>': (version, than) => compare(version, than) >= 0 && compare(release(version), ceiling(than)) < 0,
};

const release = (version: string): string => {
  const segments = segmentsOf(version);
  const letter = segments.findIndex((part) => typeof part === 'string');
  return (letter < 0 ? segments : segments.slice(0, letter)).join('.');
};

const parsed = (range: string) =>
  range.split(',').map((part) => part.trim()).filter((part) => part !== '').map((part) => {
    const [, rule = '=', version = '0'] = /^(~>|>=|<=|!=|=|>|<)?\s*(.+)$/.exec(part) ?? [];
    return { rule, version };
  });

export const gemVersions: VersionScheme = {
  compare,
  isPrerelease,
  namesPrerelease: (range) => parsed(range).some(({ version }) => isPrerelease(version)),
  matcher: (range, prereleases) => {
    const rules = parsed(range);
    const named = rules.some((one) => isPrerelease(one.version));
    return (version) => (prereleases || named || !isPrerelease(version)) && rules.every((one) => RULES[one.rule]!(version, one.version));
  },
};
