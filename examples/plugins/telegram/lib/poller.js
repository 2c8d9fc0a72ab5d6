'use strict';
const { setTimeout: sleep } = require('node:timers/promises');

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Beyond what Telegram was asked to wait, before a question counts as lost. */
const GRACE_MS = 10_000;
/** Failures in a row from which on the platform calls itself failed. */
const FAILED_AFTER = 3;

/** Asks Telegram for messages, one question after the other, for as long as it runs. */
class Poller {
  /**
   * @param api a BotApi
   * @param take keeps one update; the next question says that it was taken in, so it resolves only when that is safe
   */
  constructor(api, { pollSeconds, storage, logger, take }) {
    Object.assign(this, { api, pollSeconds, storage, logger, take });
    this.stopping = new AbortController();
    this.failures = 0;
    this.problem = undefined;
  }

  start() {
    this.running = this.loop();
  }

  async stop() {
    this.stopping.abort();
    await this.running;
  }

  health() {
    if (this.problem === undefined) return { status: 'ok' };
    const { status, message } = this.problem;
    if (status === 401 || status === 404) return { status: 'needs-attention', reason: 'Telegram does not accept BOT_TOKEN: grant a valid one' };
    if (status === 409) return { status: 'degraded', reason: 'another program asks for the messages of the same bot: stop it, or use another bot' };
    return { status: this.failures >= FAILED_AFTER ? 'failed' : 'degraded', reason: `no messages come in: ${message}` };
  }

  async loop() {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const offset = (await this.storage.get('offset')) ?? 0;
        const updates = await this.api.getUpdates(offset, this.pollSeconds, AbortSignal.any([signal, AbortSignal.timeout(this.pollSeconds * 1_000 + GRACE_MS)]));
        for (const update of updates) {
          await this.take(update);
          await this.storage.set('offset', update.update_id + 1);
        }
        this.failures = 0;
        this.problem = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.failures++;
        this.problem = { status: error?.status, message: error?.message };
        if (this.failures === 1) this.logger.warn(`asking Telegram for messages failed: ${error?.message}`);
        await sleep(error?.retryAfterMs ?? this.pause(), undefined, { signal }).catch(() => {});
      }
    }
  }

  pause() {
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.failures - 1)) * (0.5 + Math.random() / 2);
  }
}

module.exports = { Poller };
