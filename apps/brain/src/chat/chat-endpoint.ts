import { SetupFailure } from '@conductor/platform-kit';
import { z } from 'zod';
import type { BrainConfig } from '../brain-config';
import { failure, fromNetwork, fromStatus, moved, type Told } from './chat-failures';
import { asJson, type Completion, readCompletion } from './completion';
import { type Answered, BodyTooLarge, HttpClient } from './http-client';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** How a look at the endpoint's list of models ended. */
export type Look =
  | { result: 'there'; models: string[] | undefined }
  | { result: 'refused'; status: number }
  /** Somebody is there, and the list cannot be had. That says little of chat. */
  | { result: 'no-list'; reason: string }
  /** Nobody is there. */
  | { result: 'away'; reason: string };

const ModelsBody = z.object({ data: z.array(z.object({ id: z.string() })) });
/** What a key that may chat and not list models is told. */
const MAY_NOT_LIST = /scope|permission|not allowed/i;

/** A server that speaks the chat part of OpenAI's API: Ollama, LM Studio, llama.cpp and others. */
export class ChatEndpoint {
  /** For people: without a query, which may carry a secret. */
  readonly url: string;
  private readonly told: Told;
  private readonly http: HttpClient;

  /** @throws SetupFailure when the configuration cannot work */
  constructor(private readonly config: BrainConfig) {
    const url = new URL(config.url!);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw SetupFailure.needsAttention(`BRAIN_URL must begin with http:// or https://, not ${url.protocol}//`);
    if (url.username !== '' || url.password !== '') throw SetupFailure.needsAttention('BRAIN_URL must not hold a user name or password: set BRAIN_API_KEY instead');
    this.url = url.origin + url.pathname.replace(/\/+$/, '');
    this.told = { url: this.url, model: config.model, hide: config.apiKey };
    this.http = new HttpClient(url);
  }

  /** @throws DeliveryFailure, or the signal's reason */
  async complete(messages: ChatMessage[], signal: AbortSignal): Promise<Completion> {
    const { response, body } = await this.post({ model: this.config.model, messages, stream: false }, signal);
    if (response.status >= 300 && response.status < 400) throw moved(response.status, response.headers.get('location'), this.told);
    if (!response.ok) throw fromStatus(response.status, response.headers, body, this.told);
    return readCompletion(body, response.headers, this.told);
  }

  /** Looks whether the endpoint is there, without asking the model anything. */
  async look(timeoutMs: number, leaving: AbortSignal): Promise<Look> {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const { response, body } = await this.request('/models', { method: 'GET' }, AbortSignal.any([late, leaving]));
      const { status } = response;
      if (status === 401 && !MAY_NOT_LIST.test(body)) return { result: 'refused', status };
      if (status === 401 || status === 403) return { result: 'no-list', reason: `our key may not list its models (${status})` };
      if (status >= 500) return { result: 'no-list', reason: fromStatus(status, response.headers, body, this.told).message };
      const models = ModelsBody.safeParse(asJson(body));
      return { result: 'there', models: response.ok && models.success ? models.data.data.map(({ id }) => id) : undefined };
    } catch (error) {
      if (late.aborted) return { result: 'no-list', reason: `${this.url} gave no answer within ${timeoutMs} ms` };
      if (error instanceof BodyTooLarge) return { result: 'there', models: undefined };
      return { result: 'away', reason: fromNetwork(error, this.told).message };
    }
  }

  async close(): Promise<void> {
    await this.http.close();
  }

  private async post(body: unknown, signal: AbortSignal): Promise<Answered> {
    try {
      return await this.request('/chat/completions', { method: 'POST', body: JSON.stringify(body) }, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof BodyTooLarge ? failure('answer-too-large', `${error.message}: more than anybody reads, so the language model goes round in circles, or BRAIN_URL is wrong`) : fromNetwork(error, this.told);
    }
  }

  private request(path: string, init: { method: string; body?: string }, signal: AbortSignal): Promise<Answered> {
    const url = new URL(this.config.url!);
    url.pathname = url.pathname.replace(/\/+$/, '') + path;
    const { apiKey } = this.config;
    return this.http.ask(url, { ...init, redirect: 'manual', headers: { 'content-type': 'application/json', ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) } }, signal);
  }
}
