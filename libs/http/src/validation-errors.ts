import type { z } from 'zod';
import { Problem } from './problem';

type FieldError = { field: string; message: string };
type Issue = z.core.$ZodIssue;

/** A hostile body could have a hundred thousand wrong fields; a person mends these first. */
const MOST_ERRORS = 100;

/** The problem that names every wrong field of `part` (`body`, `query`, `path`), unknown ones too. What is wrong as a whole is called `whole`. */
export const invalidRequest = (issues: readonly Issue[], part: string, whole = part): Problem => {
  const errors = issues.flatMap((issue) => explain(issue, []));
  const named = errors.slice(0, MOST_ERRORS).map(({ field, message }) => ({ field: field || whole, message }));
  const fields = [...new Set(named.map(({ field }) => field))];
  const more = errors.length > MOST_ERRORS ? ` Only the first ${MOST_ERRORS} of ${errors.length} errors are listed.` : '';
  const shown = fields.slice(0, 10).join(', ') + (fields.length > 10 ? ', …' : '');
  return new Problem('invalid-request', `The ${part} has ${fields.length === 1 ? 'a wrong field' : 'wrong fields'}: ${shown}. See "errors".${more}`, { errors: named });
};

/** The same for a body, with an example of a right one if its schema has one: nobody should have to guess. */
export const invalidBody = (issues: readonly Issue[], example: unknown): Problem => {
  const { code, detail, errors } = invalidRequest(issues, 'body');
  return new Problem(code, example === undefined ? detail : `${detail} A body that fits: ${JSON.stringify(example)}`, { errors });
};

const explain = (issue: Issue, above: readonly PropertyKey[]): FieldError[] => {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ field: fieldOf([...path, key]), message: 'is not a known field' }));
    case 'invalid_union': {
      // The alternative that fits best says most: the others fail for not being meant at all.
      const nearest = [...issue.errors].sort((a, b) => mismatch(a) - mismatch(b))[0];
      if (!nearest?.length || issue.errors.every((errors) => errors.length === 1 && errors[0]?.path.length === 0 && errors[0].code === 'invalid_type')) {
        return [{ field: fieldOf(path), message: wordingOf(issue) }];
      }
      return nearest.flatMap((inner) => explain(inner, path));
    }
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap((inner) => explain(inner, path));
    default:
      return [{ field: fieldOf(path), message: wordingOf(issue) }];
  }
};

/** A value of the wrong type altogether is further away than one with a wrong field inside. */
const mismatch = (issues: readonly Issue[]): number => issues.reduce((sum, issue) => sum + (issue.path.length === 0 && issue.code === 'invalid_type' ? 100 : 1), 0);

const wordingOf = (issue: Issue): string => {
  if (issue.code === 'invalid_type' && /received undefined$/.test(issue.message)) return `is required (${issue.expected})`;
  if (issue.code === 'invalid_union') {
    const expected = issue.errors.flatMap((errors) => errors.map((error) => (error.code === 'invalid_type' ? error.expected : undefined))).filter((type) => type !== undefined);
    if (expected.length > 0) return `must be one of: ${[...new Set(expected)].join(', ')}`;
  }
  return issue.message;
};

/** `rules[0].match.kind` */
const fieldOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`), '').slice(0, 200);
