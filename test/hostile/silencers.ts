/** What a plugin does first, so that nobody hears what it tries next. Body of an async function with `require`. */
export interface Silencer {
  name: string;
  code: string;
}

const CHANNEL = `const dc = require('node:diagnostics_channel'); const names = ['fs', 'child', 'worker']; const channels = names.map((name) => dc.channel('node:permission-model:' + name)); const quietly = (work) => { try { work() } catch {} };`;
const HOOKED = `['binding', 'kill', '_kill', 'setuid', 'getBuiltinModule']`;

export const SILENCERS: Silencer[] = [
  { name: 'does nothing', code: '' },

  // --- the subscriptions to what Node refuses ---
  { name: 'ends our subscriptions', code: `${CHANNEL} for (const c of channels) quietly(() => c.unsubscribe(c._subscribers[0]))` },
  { name: 'ends them by the prototype of all channels', code: `${CHANNEL} for (const c of channels) quietly(() => Object.getPrototypeOf(c).unsubscribe.call(c, c._subscribers[0]))` },
  { name: 'empties the lists of subscribers', code: `${CHANNEL} for (const c of channels) { quietly(() => (c._subscribers.length = 0)); quietly(() => (c._subscribers = [])); quietly(() => Object.defineProperty(c, '_subscribers', { value: [] })) }` },
  { name: 'puts silence in the place of publishing', code: `${CHANNEL} for (const c of channels) { quietly(() => (c.publish = () => {})); quietly(() => Object.defineProperty(c, 'publish', { value: () => {} })); quietly(() => (Object.getPrototypeOf(c).publish = () => {})) }` },
  { name: 'gives the channels another prototype', code: `${CHANNEL} for (const c of channels) { quietly(() => Object.setPrototypeOf(c, dc.Channel.prototype)); quietly(() => Object.setPrototypeOf(c, { publish() {} })) }` },
  { name: 'says that nobody listens', code: `${CHANNEL} for (const c of channels) { quietly(() => Object.defineProperty(Object.getPrototypeOf(c), 'hasSubscribers', { get: () => false })); quietly(() => (dc.hasSubscribers = () => false)) }` },
  { name: 'lowers the count of subscribers by a channel that claims to be ours', code: `${CHANNEL} const { AsyncLocalStorage } = require('node:async_hooks'); require('node:fs').existsSync('/etc/passwd'); for (let index = 0; index < 8; index++) quietly(() => { const other = dc.channel('other-' + index); const store = new AsyncLocalStorage(); other.bindStore(store); other._index = index; other.unbindStore(store); })` },
  { name: 'lowers it by subscribing where it is not counted', code: `${CHANNEL} require('node:fs').existsSync('/etc/passwd'); for (let index = 0; index < 8; index++) quietly(() => { const other = dc.channel('another-' + index); const listen = () => {}; other.subscribe(listen); other._index = index; other.unsubscribe(listen); })` },
  { name: 'marks our channels as new', code: `${CHANNEL} for (const c of channels) { quietly(() => dc.Channel.prototype.subscribe.call(c, () => {})); quietly(() => dc.Channel.prototype.bindStore.call(c, {})); quietly(() => (c._index = 99)) }` },

  // --- what stands in the place of functions ---
  { name: 'deletes and redefines what we hooked', code: `for (const name of ${HOOKED}) { try { delete process[name] } catch {} try { process[name] = () => {} } catch {} try { Object.defineProperty(process, name, { value: () => {}, configurable: true }) } catch {} }` },
  { name: 'replaces the process', code: `globalThis.process = { __proto__: null }` },
  { name: 'loads built-in modules anew', code: `const Module = module.constructor; for (const id of Object.keys(require.cache)) delete require.cache[id]; for (const name of ['fs', 'net', 'child_process', 'diagnostics_channel']) { Module._load(name, module, false); Module._load('node:' + name, module, true); await import('node:' + name + '?again').catch(() => {}) } Module.syncBuiltinESMExports()` },
  { name: 'replaces the loader', code: `const Module = module.constructor; Module._load = Module._resolveFilename = () => { throw new Error('no') }; try { Module.registerHooks = () => {} } catch {}` },
  { name: 'answers for the loader before us', code: `require('node:module').registerHooks({ resolve: (specifier, from, next) => (specifier === '@conductor/platform-kit' ? next(specifier, from) : { url: specifier, shortCircuit: true }) })` },
  { name: 'goes to a clean realm', code: `const vm = require('node:vm'); vm.runInNewContext('String.prototype.slice = JSON.stringify = () => ""'); globalThis.String = vm.runInNewContext('String'); globalThis.Object = vm.runInNewContext('Object')` },

  // --- what a report is made of ---
  { name: 'breaks what texts and lists can do', code: `const no = () => { throw new Error('no') }; String.prototype.slice = String.prototype.trim = String.prototype.startsWith = String.prototype.endsWith = Array.prototype.push = Array.prototype.some = no; globalThis.String = no` },
  { name: 'breaks JSON and buffers', code: `const no = () => { throw new Error('no') }; JSON.stringify = JSON.parse = Buffer.concat = Buffer.from = Buffer.alloc = Buffer.allocUnsafe = Buffer.byteLength = no; Object.prototype.toJSON = () => ({}); String.prototype.toJSON = () => ''` },
  { name: 'hides the fields of a report behind those of all objects', code: `for (const name of ['permission', 'resource']) Object.defineProperty(Object.prototype, name, { get: () => { throw new Error('no') }, set() {}, configurable: true })` },
  { name: 'breaks the writing of files', code: `const fs = require('node:fs'); for (const name of ['writeSync', 'write', 'writeFileSync', 'writevSync', 'fstatSync', 'existsSync']) fs[name] = () => 0` },
  { name: 'takes the pipe of the protocol over', code: `for (const handle of process._getActiveHandles()) { handle._write = (chunk, encoding, done) => done(); handle._writev = (chunks, done) => done(); handle._writeGeneric = () => true; handle.write = () => true }` },
  { name: 'stops everything that comes later', code: `process.nextTick = setImmediate = queueMicrotask = () => {}; process.emit = () => false; globalThis.Promise.prototype.then = () => {}` },
  { name: 'reads the pipe of the alarm, and makes it one that does not wait', code: `const { Socket } = require('node:net'); globalThis.kept = new Socket({ fd: 4, readable: true, writable: false }); kept.resume()` },
];
