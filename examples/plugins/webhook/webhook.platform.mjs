import { createHash } from 'node:crypto';
import { DeliveryFailure, SetupFailure, textOf } from '@conductor/platform-kit';
import standardwebhooks from 'standardwebhooks';

const { Webhook, WebhookVerificationError } = standardwebhooks;
const DEFAULT_PAUSE_MS = 30_000;

/** Posts messages to one receiver, and takes in what that receiver posts; both signed with the same secret as Standard Webhooks says. */
export class WebhookPlatform {
  async initialize({ url }, context) {
    const secret = context.secrets.WEBHOOK_SECRET;
    if (!secret) throw SetupFailure.needsAttention('the secret WEBHOOK_SECRET was not granted: agree on one with the receiver (whsec_ and base64), and grant it');
    try {
      this.webhook = new Webhook(secret);
    } catch {
      throw SetupFailure.needsAttention('WEBHOOK_SECRET must be `whsec_` and base64');
    }
    this.url = url;
    this.context = context;
  }

  async healthCheck() {
    return { status: 'ok' };
  }

  /** The receiver knows a message by its `webhook-id` and drops doubles, so it may be sent again whenever its end is not known. */
  async handleRequest({ id, kind, content, user, conversation, inReplyTo }, signal) {
    const text = textOf(content);
    if (text === '' && Object.keys(content).length === 0) throw DeliveryFailure.never({ code: 'empty', message: 'the message holds nothing to send' });
    const body = JSON.stringify({ type: kind, timestamp: new Date().toISOString(), data: { id, text, content, user, conversation, inReplyTo } });
    const sentAt = new Date();
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
      'webhook-signature': this.webhook.sign(id, sentAt, body),
    };
    const response = await fetch(this.url, { method: 'POST', body, headers, signal, redirect: 'manual' }).catch((error) => {
      throw DeliveryFailure.retry({ code: 'receiver-silent', message: `the receiver gave no answer (${error?.cause?.code ?? error?.name})`, class: signal.aborted ? 'timeout' : 'error' });
    });
    await response.body?.cancel();
    if (response.ok) return { text: 'posted', status: response.status };
    throw refusal(response);
  }

  /** @returns 204 once the message is kept, 401 when it is not from the receiver, 400 when it says nothing */
  async handleWebhook({ method, headers, body }) {
    if (method !== 'POST') return { status: 405, headers: { allow: 'POST' } };
    let event;
    try {
      event = this.webhook.verify(Buffer.from(body), headers);
    } catch (error) {
      this.context.metrics.count('refused');
      return error instanceof WebhookVerificationError ? { status: 401, body: 'the signature does not hold' } : { status: 400, body: 'the body is no JSON' };
    }
    const { data } = event ?? {};
    const content = typeof data?.text === 'string' && data.text !== '' ? data.text : data;
    if (!isContent(content)) return { status: 400, body: '`data` must be an object with something in it' };
    const id = `wh-${createHash('sha256').update(headers['webhook-id']).digest('hex').slice(0, 32)}`;
    await this.context.emit({ id, kind: kindOf(event.type), content, ...idsOf(data) });
    return { status: 204 };
  }

  async shutdown() {}
}

/** A text, or an object: anything else that is signed rightly is still no message. */
const isContent = (data) => typeof data === 'object' && data !== null ? !Array.isArray(data) && Object.keys(data).length > 0 : typeof data === 'string' && data.trim() !== '';

const refusal = ({ status, headers, url }) => {
  const message = `the receiver answered ${status}`;
  // Nobody approved where it leads, and asking again changes nothing.
  if (status >= 300 && status < 400) return DeliveryFailure.never({ code: 'receiver-moved', message: `${message} and names another address, ${shown(headers.get('location'), url)}: put that one into the configuration if it is right` });
  if (status === 410) return DeliveryFailure.never({ code: 'receiver-gone', message: `${message}: it wants no more messages` });
  if (status === 503 && headers.has('retry-after')) return DeliveryFailure.notNow(pauseOf(headers.get('retry-after')), { code: 'receiver-busy', message, class: 'overload' });
  if (status === 429) return DeliveryFailure.notNow(pauseOf(headers.get('retry-after')), { code: 'receiver-busy', message });
  if (status >= 500 || status === 408) return DeliveryFailure.retry({ code: 'receiver-failed', message });
  return DeliveryFailure.never({ code: 'receiver-refused', message });
};

/** Without what may be secret in it. */
const shown = (location, from) => {
  const at = location === null ? null : URL.parse(location, from);
  return at ? at.origin + at.pathname : 'which one it does not say';
};

/** Seconds, or a date. */
const pauseOf = (text) => {
  const ms = /^\d+$/.test(text ?? '') ? Number(text) * 1_000 : Date.parse(text ?? '') - Date.now();
  return ms > 0 ? ms : DEFAULT_PAUSE_MS;
};

const kindOf = (type) => (typeof type === 'string' && /^[a-z][a-z0-9._-]{0,63}$/.test(type) ? type : 'message');

const idsOf = ({ user, conversation } = {}) => ({
  ...(typeof user === 'string' && user !== '' && { user: user.slice(0, 256) }),
  ...(typeof conversation === 'string' && conversation !== '' && { conversation: conversation.slice(0, 256) }),
});
