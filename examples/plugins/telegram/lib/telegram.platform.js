'use strict';
const { DeliveryFailure, SetupFailure, textOf } = require('@conductor/platform-kit');
const { asDeliveryFailure, BotApi, BotApiError } = require('./bot-api.js');
const { isVisible, partsOf } = require('./parts.js');
const { conversationOf, placeNamedBy, placeOf, threadOf } = require('./place.js');
const { Poller } = require('./poller.js');

/** How long it is remembered how many parts of a message were sent, should it be tried again. */
const PARTS_MS = 3_600_000;
const SETUP_MS = 10_000;

/** A Telegram bot: messages of its chats come in, answers and other messages go out. */
class TelegramPlatform {
  pausedUntil = 0;

  /** @throws SetupFailure when there is no token, or Telegram does not accept it */
  async initialize({ apiUrl = 'https://api.telegram.org', pollSeconds = 25, allowedChats }, context) {
    const token = context.secrets.BOT_TOKEN;
    if (!token) throw SetupFailure.needsAttention('the secret BOT_TOKEN was not granted: ask @BotFather for a token, and grant it');
    this.context = context;
    this.allowed = allowedChats && new Set(allowedChats);
    this.api = new BotApi(apiUrl, token);
    this.me = await this.api.getMe(AbortSignal.timeout(SETUP_MS)).catch((error) => {
      if (error instanceof BotApiError && [401, 404].includes(error.status)) throw SetupFailure.needsAttention('Telegram does not accept BOT_TOKEN: grant a valid one');
      throw SetupFailure.transient(`Telegram cannot be reached: ${error.message}`);
    });
    this.poller = new Poller(this.api, { pollSeconds, storage: context.storage, logger: context.logger, take: (update) => this.takeIn(update) });
    this.poller.start();
  }

  async healthCheck() {
    const health = this.poller.health();
    return { ...health, details: { bot: String(this.me.username ?? this.me.id) } };
  }

  async handleRequest(request, signal) {
    const text = textOf(request.content);
    const place = placeNamedBy(request);
    if (!isVisible(text)) throw DeliveryFailure.never({ code: 'no-text', message: 'the message has no text to send' });
    if (place === undefined) throw DeliveryFailure.never({ code: 'no-chat', message: 'the message names no chat: set `conversation`, or `content.chat`, to the id of one' });
    if (Date.now() < this.pausedUntil) throw this.pause();
    const parts = partsOf(text);
    const sent = (parts.length > 1 && (await this.context.storage.get(`sent.${request.id}`))) || [];
    for (const part of parts.slice(sent.length)) {
      const { message_id } = await this.api.sendMessage(place.chat, threadOf(place), part, signal).catch((error) => this.refuse(error));
      sent.push(message_id);
      if (parts.length > 1) await this.context.storage.set(`sent.${request.id}`, sent, PARTS_MS);
    }
    this.context.metrics.count('sent', parts.length);
    return { text: 'sent', ...place, messages: sent };
  }

  async shutdown() {
    await this.poller?.stop();
  }

  /** Telegram numbers updates, so a second arrival of the same one has the same id and is harmless. */
  async takeIn({ update_id, message }) {
    const text = message?.text ?? message?.caption;
    if (typeof text !== 'string' || text === '' || message.chat?.id === undefined) return;
    const place = placeOf(message);
    if (this.allowed && !this.allowed.has(place.chat)) return;
    const from = message.from ?? {};
    const content = { text, ...place, ...(from.username && { username: String(from.username) }), ...(from.first_name && { name: String(from.first_name) }) };
    await this.context.emit({ id: `tg-${this.me.id}-${update_id}`, kind: text.startsWith('/') ? 'command' : 'message', content, conversation: conversationOf(place), ...(from.id !== undefined && { user: String(from.id) }) });
    this.context.metrics.count('received');
  }

  /** A rate limit holds for the whole bot: those that come meanwhile need not ask. */
  refuse(error) {
    if (error?.retryAfterMs) this.pausedUntil = Date.now() + error.retryAfterMs;
    throw asDeliveryFailure(error);
  }

  pause() {
    return DeliveryFailure.notNow(this.pausedUntil - Date.now(), { code: 'telegram-rate-limit', message: 'Telegram asked the bot to pause' });
  }
}

module.exports = { TelegramPlatform };
