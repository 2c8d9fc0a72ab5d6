import { z } from 'zod';

/**
 * Any JSON value. It is not looked into: all that is checked here has been parsed from JSON or is about to be written as JSON, and
 * zod's own `z.json()` walks through every value of every message.
 */
export const Json = z.unknown() as unknown as z.ZodType<z.core.util.JSONType, z.core.util.JSONType>;

/** What a message may carry: text, or an object (its `text`, if any, is what route patterns and people read). */
export const Content = z.union([z.string().min(1), z.record(z.string(), Json)]);
export type Content = z.output<typeof Content>;

/** Levels of objects and lists in a content: more than people need, and few enough for all that go through it level by level. */
const DEEPEST_CONTENT = 100;

const isDeeperThan = (levels: number, value: unknown): boolean =>
  typeof value === 'object' && value !== null && (levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner)));

/** A content as it comes in from outside. */
export const GivenContent = Content.refine((content) => !isDeeperThan(DEEPEST_CONTENT, content), `may be nested ${DEEPEST_CONTENT} levels deep at most`);

/** What a platform answers: an object whose `text` is meant for people. */
export const Answer = z.record(z.string(), Json);
export type Answer = z.output<typeof Answer>;

/** The part of a content that people read, '' when there is none. */
export const textOf = (content: Content | Answer | undefined): string => {
  if (content === undefined) return '';
  if (typeof content === 'string') return content;
  return typeof content['text'] === 'string' ? content['text'] : '';
};
