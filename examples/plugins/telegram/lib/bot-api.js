'use strict';
const { DeliveryFailure } = require('@conductor/platform-kit');

/** What the Bot API said when it refused. `status` is the HTTP status, `retryAfterMs` is there for 429 only. */
class BotApiError extends Error {
  constructor(status, description, retryAfterMs) {
    super(description);
    this.name = 'BotApiError';
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Nobody knows whether the call arrived. */
class NoAnswer extends Error {
  constructor(message, cause, arrived) {
    super(message, { cause });
    this.name = 'NoAnswer';
    /** `false` when it surely did not arrive. */
    this.arrived = arrived;
  }
}

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/** The few methods of Telegram's Bot API that are needed here. Errors never show the token, which is part of every address. */
class BotApi {
  constructor(apiUrl, token) {
    this.base = `${apiUrl.replace(/\/$/, '')}/bot${token}`;
  }

  /** Who the bot is. */
  getMe(signal) {
    return this.call('getMe', {}, signal);
  }

  /** Waits up to `timeout` seconds for messages. `offset` says that everything before it was taken in. */
  getUpdates(offset, timeout, signal) {
    return this.call('getUpdates', { offset, timeout, allowed_updates: ['message'] }, signal);
  }

  /** @param thread a topic of the chat; undefined: none, or its general one, which Telegram wants left out */
  sendMessage(chat, thread, text, signal) {
    return this.call('sendMessage', { chat_id: chat, ...(thread !== undefined && { message_thread_id: thread }), text }, signal);
  }

  /** @throws BotApiError, NoAnswer */
  async call(method, parameters, signal) {
    let response;
    let body;
    try {
      response = await fetch(`${this.base}/${method}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(parameters), signal });
      body = await response.json();
    } catch (error) {
      const code = error?.cause?.code ?? error?.code;
      throw new NoAnswer(`Telegram gave no answer to ${method} (${typeof code === 'string' ? code : error?.name})`, undefined, !NEVER_CONNECTED.has(code));
    }
    if (body?.ok === true) return body.result;
    const seconds = Number(body?.parameters?.retry_after);
    throw new BotApiError(response.status, String(body?.description ?? `HTTP ${response.status}`), response.status === 429 ? (seconds > 0 ? seconds : 1) * 1_000 : undefined);
  }
}

/** What should happen to a message whose sending ended so. */
const asDeliveryFailure = (error) => {
  if (error instanceof NoAnswer) {
    const details = { code: 'telegram-no-answer', message: error.message, class: 'timeout' };
    return error.arrived ? DeliveryFailure.unknown(details) : DeliveryFailure.retry(details);
  }
  if (!(error instanceof BotApiError)) return error;
  const message = `Telegram refused the message: ${error.message}`;
  if (error.status === 429) return DeliveryFailure.notNow(error.retryAfterMs, { code: 'telegram-rate-limit', message });
  if (error.status === 401 || error.status === 404) return DeliveryFailure.never({ code: 'telegram-credentials', message: 'Telegram does not accept BOT_TOKEN: grant a valid one', class: 'credentials' });
  if (error.status === 403) return DeliveryFailure.never({ code: 'telegram-blocked', message });
  if (error.status >= 500) return DeliveryFailure.retry({ code: 'telegram-failed', message });
  return DeliveryFailure.never({ code: 'telegram-refused', message });
};

module.exports = { BotApi, BotApiError, NoAnswer, asDeliveryFailure };
