import { z } from 'zod';
import { isVisible } from '../text';
import { failure, fromStatus, notUnderstood, statusIn, type Told } from './chat-failures';
import { withoutReasoning } from './reasoning';

/** One answer of a language model. */
export interface Completion {
  text: string;
  /** As the endpoint names it. */
  model: string;
  usage?: { promptTokens: number; completionTokens: number };
}

type Headers = { get(name: string): string | null };

const Part = z.union([z.string(), z.object({ type: z.string().nullish(), text: z.string().nullish() })]);
const Content = z.union([z.string(), z.array(Part.catch(''))]).nullish().catch(undefined);
const Message = z.object({
  content: Content,
  reasoning_content: z.unknown().optional(),
  reasoning: z.unknown().optional(),
  tool_calls: z.array(z.unknown()).nullish().catch(undefined),
  function_call: z.unknown().optional(),
  refusal: z.string().nullish().catch(undefined),
});
const Choice = z.object({ message: Message.nullish(), delta: Message.nullish(), text: z.string().nullish(), finish_reason: z.string().nullish().catch(undefined), error: z.unknown().optional() });
const Body = z.object({
  model: z.string().nullish().catch(undefined),
  choices: z.array(Choice).nullish(),
  error: z.unknown().optional(),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish().catch(undefined),
});
type Choice = z.output<typeof Choice>;

/**
 * What a body of `/chat/completions` says to a person. Servers differ in all but the outline.
 * @throws DeliveryFailure that says why there is nothing to be shown
 */
export const readCompletion = (body: string, headers: Headers, told: Told): Completion => {
  const parsed = Body.safeParse(bodyOf(body));
  if (!parsed.success) throw notUnderstood(body, told);
  const { choices, error: ofBody, model, usage } = parsed.data;
  const [choice] = choices ?? [];
  const error = ofBody ?? choice?.error;
  if (error || choice?.finish_reason === 'error') throw fromStatus(statusIn(error), headers, JSON.stringify({ error: error ?? 'the endpoint names no reason' }), told);
  if (!choice) throw notUnderstood(body, told);
  return {
    text: spoken(choice),
    model: model || told.model,
    ...(usage && { usage: { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } }),
  };
};

const spoken = ({ message: given, text: plain, finish_reason: end }: Choice): string => {
  const message = given ?? {};
  const { text, reasoned } = withoutReasoning((textOf(message.content) ?? plain ?? '').toWellFormed());
  if (isVisible(text)) return text;
  if (message.tool_calls?.length || message.function_call) throw failure('tool-call-unsupported', 'the language model wants to call a tool instead of answering, and no tools were offered to it: choose another model or switch its tools off at the endpoint');
  if (end === 'content_filter' || message.refusal) throw failure('content-filtered', 'the language model, or a filter at its endpoint, refuses to answer this message');
  if (reasoned || isSomething(message.reasoning_content) || isSomething(message.reasoning)) {
    throw failure('only-reasoning', `the language model was thinking and did not get to an answer${end === 'length' ? ': its limit of tokens was used up before' : ''}. Allow it more tokens at the endpoint, or switch its thinking off`);
  }
  throw failure('blank-answer', 'the language model answered with nothing that could be seen');
};

/** Parts of other types are reasoning, references and the like. */
const textOf = (content: z.output<typeof Content>): string | undefined => {
  if (!Array.isArray(content)) return content ?? undefined;
  const isText = (type: string | null | undefined) => type == null || type === 'text' || type === 'output_text';
  return content.map((part) => (typeof part === 'string' ? part : isText(part.type) ? (part.text ?? '') : '')).join('');
};

const isSomething = (value: unknown): boolean => (typeof value === 'string' ? value.trim() !== '' : typeof value === 'object' && value !== null);

/** Some servers stream although nobody asked for it. */
const bodyOf = (body: string): unknown => {
  const text = body.trimStart();
  return text.startsWith('data:') || text.startsWith('event:') || text.startsWith(': ') ? streamed(text) : asJson(text);
};

/** The deltas of a stream as the one body that they add up to. */
const streamed = (text: string): unknown => {
  const events = text.split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [Body.safeParse(asJson(line.slice(5))).data] : [])).filter((event) => event !== undefined);
  const failed = events.map(({ error, choices }) => error ?? choices?.[0]?.error).find((error) => error);
  if (failed) return { error: failed };
  const choices = events.flatMap((event) => event.choices?.slice(0, 1) ?? []);
  if (choices.length === 0) return undefined;
  const deltas = choices.map(({ delta, message }) => delta ?? message);
  const joined = (of: (delta: z.output<typeof Message>) => unknown) => deltas.map((delta) => (delta ? of(delta) : undefined)).filter((one) => typeof one === 'string').join('');
  return {
    model: events.find(({ model }) => model)?.model,
    usage: events.findLast(({ usage }) => usage)?.usage,
    choices: [{
      finish_reason: choices.findLast(({ finish_reason: end }) => end)?.finish_reason,
      message: {
        content: joined(({ content }) => textOf(content)),
        reasoning_content: joined(({ reasoning_content: one, reasoning: other }) => one ?? other),
        tool_calls: deltas.flatMap((delta) => delta?.tool_calls ?? []),
        refusal: joined(({ refusal }) => refusal) || undefined,
      },
    }],
  };
};

export const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
