import type { Answer, PluginHealth } from '@conductor/contracts';
import { DeliveryFailure, type PlatformContext, type PlatformPlugin, type PlatformRequest } from '@conductor/platform-kit';
import type { BrainConfig } from './brain-config';
import { ChatEndpoint, type ChatMessage } from './chat/chat-endpoint';
import { tooSlow } from './chat/chat-failures';
import type { Completion } from './chat/completion';
import { EndpointWatch } from './chat/endpoint-watch';
import { ModelLoad } from './chat/model-load';
import { conversationOf, ConversationMemory, recent, type Turn } from './conversation-memory';
import { GateFull, PriorityGate, priorityOf } from './priority-gate';
import { readable } from './readable';

/** Messages that wait in this process for a turn; more are told that it is busy and come again. */
export const WAITING_PLACES = 8;

/**
 * Messages that meet an absent endpoint come again after half the time it has been away, within these bounds. The lower one is no
 * shorter than the deadline most senders have: they get their fallback at once instead of waiting in vain.
 */
const SHORTEST_ABSENCE_MS = 5_000;
const LONGEST_ABSENCE_MS = 60_000;
const SHORTEST_BUSY_MS = 1_000;
const LONGEST_BUSY_MS = 30_000;

/** Answers messages with a language model, a few at a time, the urgent ones first. */
export class ChatPlatform implements PlatformPlugin<BrainConfig> {
  private config!: BrainConfig;
  private context!: PlatformContext;
  private endpoint!: ChatEndpoint;
  private memory!: ConversationMemory;
  private gate!: PriorityGate;
  private watch?: EndpointWatch;
  private readonly load = new ModelLoad();
  /** How long an answer usually takes, in milliseconds. */
  private usualMs = 2_000;

  async initialize(config: BrainConfig, context: PlatformContext): Promise<void> {
    this.config = config;
    this.context = context;
    this.endpoint = new ChatEndpoint(config);
    this.memory = new ConversationMemory(context.storage);
    this.gate = new PriorityGate(config.concurrency, WAITING_PLACES);
    this.watch = new EndpointWatch(this.endpoint, config.model, () => this.load.since, context.logger);
    await this.watch.start();
  }

  async healthCheck(): Promise<PluginHealth> {
    const { status, reason, details } = this.watch!.health;
    this.context.metrics.observe('answers_under_way', this.gate.running);
    this.context.metrics.observe('messages_waiting', this.gate.waiting);
    return { status, ...(reason !== undefined && { reason }), details: { ...details, underWay: this.gate.running, waiting: this.gate.waiting } };
  }

  async handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    const question = readable(request.content);
    this.refuseWhileAway();
    const leave = await this.turn(request, signal);
    try {
      return await this.answer(request, question, signal);
    } finally {
      leave();
    }
  }

  async shutdown(): Promise<void> {
    this.watch?.stop();
    this.load.stop();
    await this.endpoint?.close();
  }

  private refuseWhileAway() {
    const away = this.watch!.away;
    if (!away) return;
    const delayMs = Math.min(Math.max(away.forMs / 2, SHORTEST_ABSENCE_MS), LONGEST_ABSENCE_MS);
    throw DeliveryFailure.notNow(delayMs, { code: 'brain-away', class: 'error', message: `the language model is not there: ${away.reason}` });
  }

  private async turn({ kind }: PlatformRequest, signal: AbortSignal): Promise<() => void> {
    try {
      return await this.gate.enter(priorityOf(kind), AbortSignal.any([signal, AbortSignal.timeout(this.config.timeoutMs)]));
    } catch (error) {
      const ahead = error instanceof GateFull ? error.ahead : this.gate.running + this.gate.waiting;
      this.context.metrics.count('busy');
      const delayMs = Math.min(Math.max((ahead * this.usualMs) / this.gate.size, SHORTEST_BUSY_MS), LONGEST_BUSY_MS) * (0.5 + Math.random() / 2);
      throw DeliveryFailure.notNow(delayMs, { code: 'busy', class: 'overload', message: `the language model is busy: ${ahead} messages are ahead`, cause: error });
    }
  }

  private async answer(request: PlatformRequest, question: string, signal: AbortSignal): Promise<Answer> {
    const conversation = conversationOf(request);
    const turns = conversation === undefined ? [] : await this.memory.recall(conversation);
    const before = turns.find((turn) => turn.request === request.id);
    // Answered already, by a process that died before it could say so.
    if (before) return { text: before.answer, model: this.config.model };

    const { text, model, usage } = await this.ask(request.id, turns, question, signal);
    if (conversation !== undefined && !signal.aborted) {
      // An answer that cannot be remembered is an answer still.
      await this.memory.note(conversation, { request: request.id, question, answer: text }).catch((error: unknown) => this.context.logger.warn({ err: error, request: request.id }, 'the conversation could not be remembered'));
    }
    return { text, model, ...(usage && { usage }) };
  }

  private async ask(id: string, turns: Turn[], question: string, signal: AbortSignal): Promise<Completion> {
    const started = Date.now();
    const { timeoutMs } = this.config;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const completion = await this.load.complete(id, (going) => this.withFewerTurns(turns, question, going), inTime, () => tooSlow(timeoutMs));
      this.usualMs = 0.8 * this.usualMs + 0.2 * (Date.now() - started);
      this.watch!.worked();
      return completion;
    } catch (error) {
      if (error instanceof DeliveryFailure) this.watch!.failed(error);
      throw error;
    }
  }

  /** A context may be shorter than what is remembered: then half of it will do, and at last the question alone. */
  private async withFewerTurns(turns: Turn[], question: string, signal: AbortSignal): Promise<Completion> {
    for (let reminded = recent(turns); ; reminded = reminded.slice(Math.ceil(reminded.length / 2))) {
      try {
        return await this.endpoint.complete(this.prompt(reminded, question), signal);
      } catch (error) {
        const isTooLong = error instanceof DeliveryFailure && error.outcome.code === 'message-too-long';
        if (!isTooLong || reminded.length === 0) throw error;
      }
    }
  }

  private prompt(turns: Turn[], question: string): ChatMessage[] {
    const { systemPrompt } = this.config;
    const messages: ChatMessage[] = [
      ...(systemPrompt === undefined ? [] : [{ role: 'system', content: systemPrompt } as const]),
      ...turns.flatMap(({ question: asked, answer }): ChatMessage[] => [{ role: 'user', content: asked }, { role: 'assistant', content: answer }]),
      { role: 'user', content: question },
    ];
    // Strict servers refuse half a character, wherever it came from.
    return messages.map(({ role, content }) => ({ role, content: content.toWellFormed() }));
  }
}
