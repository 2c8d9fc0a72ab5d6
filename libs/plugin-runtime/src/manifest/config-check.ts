import { type ErrorObject, Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';

const SETTINGS = { allErrors: true, strict: false, useDefaults: true, allowUnionTypes: true } as const;

/** A plugin's author writes these patterns, so they run in an engine whose time grows with the text and nothing worse. */
const safePattern = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    return { test: (text: string) => compiled.matcher(text).find() };
  },
  // Any other word than ajv's own `new RegExp` makes it call this function.
  { code: 'safePattern' },
);

const compiler = () => addFormats.default(new Ajv({ ...SETTINGS, code: { regExp: safePattern } }), { mode: 'fast' });
let shared: Ajv | undefined;

/** Is this a JSON Schema at all? @returns what is wrong, undefined when nothing is */
export const problemOfSchema = (schema: Record<string, unknown>): string | undefined => {
  const ajv = (shared ??= compiler());
  if (ajv.validateSchema(schema) === true) return undefined;
  return `is not a JSON Schema: ${(ajv.errors ?? []).slice(0, 3).map(describe).join('; ')}`;
};

/** A schema may be right and yet refer to what is not there, or hold a pattern that cannot be run. @returns what is wrong, undefined when nothing is */
export const problemOfUse = (schema: Record<string, unknown>): string | undefined => {
  try {
    compiler().compile(schema);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** It is kept in Redis with what is wanted, and read at each change. */
const MAX_CONFIG_BYTES = 65_536;
const TOO_LARGE = `the configuration has more than ${MAX_CONFIG_BYTES} bytes, with the defaults of its schema; let it name a file or an address instead`;

export type ConfigCheck = { ok: true; config: unknown } | { ok: false; problems: string[] };

/**
 * Checks a configuration against the JSON Schema of its plugin, and fills in the schema's defaults.
 * @param config is not changed
 */
export const checkPluginConfig = (schema: Record<string, unknown>, config: unknown): ConfigCheck => {
  const filled: unknown = structuredClone(config);
  const tooLarge = () => Buffer.byteLength(JSON.stringify(filled) ?? '') > MAX_CONFIG_BYTES;
  if (tooLarge()) return { ok: false, problems: [TOO_LARGE] };
  try {
    const validate = compiler().compile(schema);
    if (validate(filled)) return tooLarge() ? { ok: false, problems: [TOO_LARGE] } : { ok: true, config: filled };
    return { ok: false, problems: (validate.errors ?? []).map(describe) };
  } catch (error) {
    return { ok: false, problems: [`the schema itself cannot be used: ${(error as Error).message}`] };
  }
};

/** Never shows the value: it may be one that nobody should read in a log. */
const describe = ({ instancePath, message, params, keyword }: ErrorObject): string => {
  const where = instancePath === '' ? 'the configuration' : instancePath.slice(1).replaceAll('/', '.');
  const more = keyword === 'additionalProperties' ? ` ("${String(params['additionalProperty'])}")` : keyword === 'enum' ? ` (${(params['allowedValues'] as unknown[]).map(String).join(', ')})` : '';
  return `${where} ${message ?? 'is wrong'}${more}`;
};
