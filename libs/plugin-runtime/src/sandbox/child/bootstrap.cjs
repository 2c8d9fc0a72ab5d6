'use strict';
/*
 * What runs in a plugin's process before the plugin: opens the protocol, puts `@conductor/platform-kit` and the way to the
 * network in place, then does what the parent asks, hook by hook. Nothing here is a wall; the walls are around the process.
 */
const { pathToFileURL } = require('node:url');
const { beat, raise } = require('./alarm.cjs');
const { byteLength, openChannel, stringify } = require('./channel.cjs');
const { makeContext } = require('./context.cjs');
const { describeFailure } = require('./failures.cjs');
const { routeNetwork } = require('./network.cjs');
const { layTripwires } = require('./tripwires.cjs');

const { AbortController, DOMException } = globalThis;

for (const name of Object.keys(process.env)) delete process.env[name];

/** Calls in hand: what aborts each, by id. */
const calls = new Map();
const [getCall, setCall, deleteCall] = ['get', 'set', 'delete'].map((name) => Map.prototype[name].bind(calls));

let maxFrameBytes = 1_048_576;
let platform;
let parentReplied;
let context;

const send = openChannel((frame) => {
  switch (frame.type) {
    case 'start':
      return prepare(frame);
    case 'call':
      return void carryOut(frame);
    case 'abort':
      return getCall(frame.id)?.abort(new DOMException(frame.reason, 'TimeoutError'));
    case 'reply':
      return parentReplied?.(frame);
    case 'ping':
      beat(frame.id);
      return send(`{"type":"pong","id":${frame.id}}`);
  }
});
const tell = (frame) => send(stringify({ __proto__: null, ...frame }));

let start;
const prepare = (frame) => {
  start = frame;
  maxFrameBytes = frame.maxFrameBytes;
  process.chdir(frame.data);
  routeNetwork(frame, (resource) => raise('Network', resource));
  ({ context, parentReplied } = makeContext(frame, tell));
  layTripwires(raise, pathToFileURL(frame.kit).href, frame);
};

const hooks = {
  __proto__: null,
  initialize: async () => {
    const { pluginOf } = require(start.kit);
    const exported = await import(pathToFileURL(start.entry).href);
    const { platforms } = pluginOf(exported.default !== undefined && !('platforms' in exported) ? { default: exported.default } : { ...exported });
    const maker = Object.hasOwn(platforms, start.platform) ? platforms[start.platform] : undefined;
    if (!maker) throw new TypeError(`the entry brings no platform "${start.platform}", only ${Object.keys(platforms).join(', ')}`);
    platform = maker.create();
    await platform.initialize(start.config, context);
    return { dependencyChanged: typeof platform.dependencyChanged === 'function' };
  },
  health: (_, signal) => platform.healthCheck(signal),
  request: (request, signal) => platform.handleRequest(request, signal),
  webhook: (call, signal) => {
    if (typeof platform.handleWebhook !== 'function') throw new TypeError('this platform takes no webhooks');
    return platform.handleWebhook({ ...call, body: Buffer.from(call.body, 'base64') }, signal);
  },
  'dependency-changed': async (change, signal) => {
    await platform.dependencyChanged(change, signal);
    return {};
  },
  shutdown: async () => {
    await platform?.shutdown();
    return {};
  },
};

const carryOut = async ({ id, hook, input }) => {
  const abort = new AbortController();
  setCall(id, abort);
  try {
    if (hook !== 'initialize' && hook !== 'shutdown' && !platform) throw new Error('the platform is not initialized');
    const value = stringify(await hooks[hook](input, abort.signal)) ?? 'null';
    const text = `{"type":"result","id":${id},"value":${value}}`;
    const bytes = byteLength(text, 'utf8');
    if (bytes > maxFrameBytes) throw tooLarge(bytes);
    send(text);
  } catch (error) {
    send(`{"type":"failure","id":${id},"failure":${stringify(describeFailure(error))}}`);
  } finally {
    deleteCall(id);
  }
};

const tooLarge = (bytes) =>
  Object.assign(new Error(`the answer has ${Math.ceil(bytes / 1024)} KiB, more than the ${Math.floor(maxFrameBytes / 1024)} KiB that are allowed: answer with less`), { code: 'answer-too-large' });

send('{"type":"ready"}');
