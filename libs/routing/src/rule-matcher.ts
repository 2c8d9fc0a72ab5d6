import { EXTRACT_CHARACTERS, type Request, type RouteRule, textOf } from '@conductor/contracts';
import { RE2JS } from 're2js';
import { compileWindow } from './time-window';

/** What a rule looks at. */
export type Matchable = Pick<Request, 'source' | 'kind' | 'user' | 'content'>;

export class InvalidRule extends Error {
  override readonly name = 'InvalidRule';
}

/** A rule, ready to be asked. */
export interface CompiledRule {
  readonly rule: RouteRule;
  /** @returns undefined when the rule takes the message, otherwise why not */
  mismatch(message: Matchable, at: Date): string | undefined;
}

/** @throws InvalidRule naming the rule and what is wrong with it */
export const compileRule = (rule: RouteRule): CompiledRule => {
  const { source, kind, user, content, time } = rule.match;
  const pattern = content === undefined ? undefined : attempt(rule, `content pattern ${JSON.stringify(content)}`, () => RE2JS.compile(content));
  const within = time && attempt(rule, 'time', () => compileWindow(time));
  return {
    rule,
    mismatch: (message, at) => {
      if (source && !source.includes(message.source)) return `source is ${message.source}, not ${either(source)}`;
      if (kind && !kind.includes(message.kind)) return `kind is ${message.kind}, not ${either(kind)}`;
      if (user && !(message.user && user.includes(message.user))) return `user is ${message.user ?? 'not given'}, not ${either(user)}`;
      if (within && !within(at)) return `the time ${at.toISOString()} is outside of its window`;
      if (pattern && !pattern.matcher(textOf(message.content).slice(0, EXTRACT_CHARACTERS)).find()) return `the content does not match ${content}`;
      return undefined;
    },
  };
};

const either = (values: string[]) => values.join(' or ');

const attempt = <T>(rule: RouteRule, what: string, compile: () => T): T => {
  try {
    return compile();
  } catch (error) {
    throw new InvalidRule(`rule ${rule.id}: its ${what} cannot be used: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
};
