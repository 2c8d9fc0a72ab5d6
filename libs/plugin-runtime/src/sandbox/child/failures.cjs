'use strict';
/** Longest text of an error that is told. */
const LONGEST = 2_000;
const slice = Function.prototype.call.bind(String.prototype.slice);
const text = (value) => slice(String(value), 0, LONGEST);

/**
 * What a hook threw, as the parent can read it. Goes by what an error says, not by its class: a plugin may have brought a
 * `DeliveryFailure` of its own copy of the kit. Whatever was thrown, this throws nothing.
 */
const describeFailure = (error) => {
  try {
    if (error === null || typeof error !== 'object') return { __proto__: null, kind: 'error', message: text(error) };
    const { name, outcome, retryable, message, code } = error;
    if (name === 'DeliveryFailure' && outcome !== null && typeof outcome === 'object') {
      const { result, code: why, message: what, class: kind, delayMs } = outcome;
      return { __proto__: null, kind: 'delivery', outcome: { __proto__: null, result, code: text(why), message: text(what), class: kind, ...(delayMs !== undefined && { delayMs }) } };
    }
    if (name === 'SetupFailure') return { __proto__: null, kind: 'setup', retryable: retryable === true, message: text(message) };
    return { __proto__: null, kind: 'error', message: text(message || name || 'an error without a message'), ...(typeof code === 'string' && { code: text(code) }) };
  } catch {
    return { __proto__: null, kind: 'error', message: 'it threw something that cannot be looked at' };
  }
};

module.exports = { describeFailure };
