import { type ManifestProblem, PluginManifest } from '@conductor/contracts';
import type { z } from 'zod';

export type Parsed = { manifest: PluginManifest } | { problems: ManifestProblem[]; name?: string; version?: string; unfinished?: boolean };

/** Problems listed for one manifest; the first few tell what is wrong. */
const MOST_PROBLEMS = 20;

/**
 * Checks the text of a package.json.
 * @returns undefined when it is a package that does not say that it is a plugin
 */
export const parseManifest = (text: string): Parsed | undefined => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problems: [{ field: '', message: `package.json is not JSON: ${(error as Error).message}` }], unfinished: true };
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return { problems: [{ field: '', message: 'package.json must hold an object' }] };
  if (!Object.hasOwn(json, 'conductor')) return undefined;
  const known = { ...nameAndVersion(json) };
  const hidden = pathToProto((json as { conductor: unknown }).conductor, 'conductor');
  if (hidden !== undefined) return { ...known, problems: [{ field: hidden, message: 'a field of the name "__proto__" is not allowed anywhere' }] };
  const checked = PluginManifest.safeParse(json);
  return checked.success ? { manifest: checked.data } : { ...known, problems: problemsOf(checked.error) };
};

/** Each names its field as one would write it in JavaScript: `conductor.permissions.net[0]`. */
export const problemsOf = (error: z.ZodError): ManifestProblem[] => {
  const all = error.issues.map(({ path, message }) => ({ field: fieldAt(path), message }));
  return all.length > MOST_PROBLEMS ? [...all.slice(0, MOST_PROBLEMS), { field: '', message: `… and ${all.length - MOST_PROBLEMS} more` }] : all;
};

const fieldAt = (path: PropertyKey[]): string =>
  path.reduce<string>((field, part) => {
    if (typeof part === 'number') return `${field}[${part}]`;
    if (!/^[A-Za-z_]\w*$/.test(String(part))) return `${field}[${JSON.stringify(String(part))}]`;
    return field === '' ? String(part) : `${field}.${String(part)}`;
  }, '');

const nameAndVersion = (json: object): { name?: string; version?: string } => {
  const { name, version } = json as { name?: unknown; version?: unknown };
  return { ...(typeof name === 'string' && { name: name.slice(0, 128) }), ...(typeof version === 'string' && { version: version.slice(0, 128) }) };
};

/** zod leaves such keys out silently, and what is silently left out was not approved by anybody. */
const pathToProto = (value: unknown, path: string): string | undefined => {
  if (value === null || typeof value !== 'object') return undefined;
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return `${path}.__proto__`;
    const found = pathToProto(inner, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
};
