import { SetupFailure } from '@conductor/platform-kit';
import { z } from 'zod';
import type { BrainConfig } from './brain-config';
import { fromNetwork, fromStatus, notUnderstood, type Told, tooSlow } from './chat-failures';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface Completion {
  text: string;
  /** As the endpoint names it. */
  model: string;
  usage?: { promptTokens: number; completionTokens: number };
}

/** How a look at the endpoint ended. */
export type Look =
  | { result: 'there'; models: string[] | undefined }
  | { result: 'refused'; status: number }
  /** `silent`: it was there, and gave no answer in time. */
  | { result: 'away'; reason: string; silent: boolean };

const CompletionBody = z.object({
  model: z.string().optional(),
  choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish().catch(undefined),
});
const ModelsBody = z.object({ data: z.array(z.object({ id: z.string() })) });

/** A server that speaks the chat part of OpenAI's API: Ollama, LM Studio, llama.cpp and others. */
export class ChatEndpoint {
  /** For people: without a query, which may carry a secret. */
  readonly url: string;
  private readonly told: Told;

  /** @throws SetupFailure when the configuration cannot work */
  constructor(private readonly config: BrainConfig) {
    const url = new URL(config.url!);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw SetupFailure.needsAttention(`BRAIN_URL must begin with http:// or https://, not ${url.protocol}//`);
    if (url.username !== '' || url.password !== '') throw SetupFailure.needsAttention('BRAIN_URL must not hold a user name or password: set BRAIN_API_KEY instead');
    this.url = url.origin + url.pathname.replace(/\/+$/, '');
    this.told = { url: this.url, model: config.model, hide: config.apiKey };
  }

  /**
   * @param signal the message's deadline
   * @throws DeliveryFailure
   */
  async complete(messages: ChatMessage[], signal: AbortSignal): Promise<Completion> {
    const { timeoutMs, model } = this.config;
    const body = await this.ask(messages, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    const completion = CompletionBody.safeParse(asJson(body));
    if (!completion.success) throw notUnderstood(body, this.told);
    const { choices, usage, model: answeredBy } = completion.data;
    return {
      text: choices[0]!.message.content,
      model: answeredBy ?? model,
      ...(usage && { usage: { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } }),
    };
  }

  /** Looks whether the endpoint is there, without asking the model anything. */
  async look(timeoutMs: number, leaving: AbortSignal): Promise<Look> {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await this.fetch('/models', { method: 'GET' }, AbortSignal.any([late, leaving]));
      const body = await response.text();
      const { status } = response;
      if (status === 401 || status === 403) return { result: 'refused', status };
      if (status >= 500) return { result: 'away', reason: fromStatus(status, response.headers, body, this.told).message, silent: false };
      const models = ModelsBody.safeParse(asJson(body));
      return { result: 'there', models: response.ok && models.success ? models.data.data.map(({ id }) => id) : undefined };
    } catch (error) {
      if (late.aborted) return { result: 'away', reason: `${this.url} gave no answer within ${timeoutMs} ms`, silent: true };
      return { result: 'away', reason: fromNetwork(error, this.told).message, silent: false };
    }
  }

  private async ask(messages: ChatMessage[], signal: AbortSignal): Promise<string> {
    let answered: { response: Response; body: string };
    try {
      const response = await this.fetch('/chat/completions', { method: 'POST', body: JSON.stringify({ model: this.config.model, messages, stream: false }) }, signal);
      answered = { response, body: await response.text() };
    } catch (error) {
      throw signal.aborted ? tooSlow(this.config.timeoutMs) : fromNetwork(error, this.told);
    }
    const { response, body } = answered;
    if (!response.ok) throw fromStatus(response.status, response.headers, body, this.told);
    return body;
  }

  private fetch(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const url = new URL(this.config.url!);
    url.pathname = url.pathname.replace(/\/+$/, '') + path;
    const { apiKey } = this.config;
    return fetch(url, { ...init, signal, headers: { 'content-type': 'application/json', ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) } });
  }
}

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
