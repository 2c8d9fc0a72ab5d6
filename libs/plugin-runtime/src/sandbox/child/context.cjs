'use strict';
/*
 * The PluginContext of the author's kit. Each call becomes a question to the parent, which answers for this platform only.
 */
const OPERATIONS = ['get', 'set', 'delete', 'keys', 'append', 'after', 'increment'];

/** @returns the context, and what takes the parent's replies */
const makeContext = ({ platform, instance, secrets }, tell) => {
  const waiting = new Map();
  const [getWaiting, setWaiting, deleteWaiting] = ['get', 'set', 'delete'].map((name) => Map.prototype[name].bind(waiting));
  let asked = 0;

  const ask = (operation, ...args) =>
    new Promise((resolve, reject) => {
      const id = ++asked;
      setWaiting(id, { resolve, reject });
      tell({ type: 'ask', id, operation, args: args.map((arg) => (arg === undefined ? null : arg)) });
    });

  const parentReplied = ({ id, value, error }) => {
    const asker = getWaiting(id);
    deleteWaiting(id);
    if (error === undefined) asker?.resolve(value ?? undefined);
    else asker?.reject(new Error(error));
  };

  const log = (level) => (first, second) => {
    const [fields, message] = typeof first === 'string' ? [undefined, first] : [first, second ?? ''];
    tell({ type: 'log', level, message: String(message).slice(0, 4_000), ...(fields !== undefined && { fields: readable(fields) }) });
  };

  const context = Object.freeze({
    platform,
    instance,
    logger: Object.freeze({ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }),
    storage: Object.freeze(Object.fromEntries(OPERATIONS.map((operation) => [operation, (...args) => ask(`storage.${operation}`, ...args)]))),
    metrics: Object.freeze({
      count: (name, value = 1) => tell({ type: 'metric', kind: 'count', name: String(name), value: Number(value) }),
      observe: (name, value) => tell({ type: 'metric', kind: 'observe', name: String(name), value: Number(value) }),
    }),
    emit: (message) => ask('emit', message),
    secrets: Object.freeze({ ...secrets }),
  });
  return { context, parentReplied };
};

/** Errors have nothing that JSON would show. */
const readable = (fields) => {
  try {
    const shown = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? { message: value.message, stack: value.stack } : value]));
    const text = JSON.stringify(shown);
    return text.length > 16_384 ? { cut: text.slice(0, 1_000) } : JSON.parse(text);
  } catch {
    return { unreadable: true };
  }
};

module.exports = { makeContext };
