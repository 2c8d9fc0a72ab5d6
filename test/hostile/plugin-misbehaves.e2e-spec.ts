import { readdirSync, readFileSync } from 'node:fs';
import type { IncidentKind, ProcessFigures, SandboxedPlatform } from '@conductor/plugin-runtime';
import { until } from '@conductor/testing';
import { ask, type PluginGiven, requestOf, SandboxStage } from '../../libs/plugin-runtime/src/sandbox/testing/sandbox-stage';

let stage: SandboxStage;
let good: SandboxedPlatform;
beforeAll(async () => {
  stage = await SandboxStage.open({ startMs: 3_000, idleSpinMs: 500, idleSpinShare: 0.15, shutdownMs: 300 });
  good = await stage.start(await stage.plugin('', { platform: 'good' }));
});
afterAll(async () => {
  // Whatever happened beside it, this one never noticed.
  expect(await ask(good)).toEqual({ text: 'done: hello' });
  expect(good.figures()).toMatchObject({ incidents: {}, generations: [{ starts: 1, restarts: 0 }] });
  await stage.close();
});

const starting = async (body: string, given: PluginGiven = {}) => stage.start(await stage.plugin(body, given));
const health = (platform: SandboxedPlatform) => platform.healthCheck(AbortSignal.timeout(5_000));
const counted = (platform: SandboxedPlatform, kind: IncidentKind) => platform.incidents.counts()[kind] ?? 0;
/** Processes with these words in their command, our own not counted. */
const running = (words: string) =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && Number(pid) !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(words);
    } catch {
      return false;
    }
  }).length;
const QUICK = { settings: { requestTimeoutMs: 300 } };

/** How the one message ends that does it, what is counted, and what the platform's state then says. */
const DEADLY: Array<{ does: string; body: string; kind: IncidentKind; says: RegExp; settings?: PluginGiven['settings'] }> = [
  { does: 'exits with 0 in the middle of a message', body: 'handleRequest() { process.exit(0); }', kind: 'ended', says: /ended by itself, with code 0/ },
  { does: 'throws where nobody catches it', body: `handleRequest() { setImmediate(() => { throw new TypeError('oh dear'); }); return new Promise(() => {}); }`, kind: 'ended', says: /TypeError: oh dear/ },
  { does: 'leaves a rejection unhandled', body: `handleRequest() { void Promise.reject(new Error('forgotten')); return new Promise(() => {}); }`, kind: 'ended', says: /forgotten/ },
  { does: 'aborts', body: 'handleRequest() { process.abort(); }', kind: 'ended', says: /ended by itself/ },
  { does: 'kills itself', body: `handleRequest() { process.kill(process.pid, 'SIGKILL'); process.reallyExit(9); }`, kind: 'ended', says: /ended by itself/ },
  { does: 'eats memory on the heap', body: `handleRequest() { const all = []; for (;;) all.push(new Array(100_000).fill(Math.random())); }`, kind: 'memory', says: /more than the 96 MB that its manifest allows/, settings: { memoryMb: 96, requestTimeoutMs: 20_000 } },
  { does: 'eats memory in buffers', body: `async handleRequest() { const all = []; for (;;) { all.push(Buffer.alloc(4_000_000, 1)); await new Promise((r) => setTimeout(r, 5)); } }`, kind: 'memory', says: /more than the 96 MB|held \d+ MB/, settings: { memoryMb: 96, requestTimeoutMs: 20_000 } },
  { does: 'blocks its event loop', body: 'handleRequest() { for (;;); }', kind: 'deadline', says: /still busy with a message after twice the \d+ ms/, settings: { requestTimeoutMs: 300 } },
  { does: 'burns processor time within a message, though its loop turns', body: `async handleRequest() { for (;;) { const end = Date.now() + 20; while (Date.now() < end); await new Promise((r) => setImmediate(r)); } }`, kind: 'processor', says: /a message cost \d+ ms of processor time, more than the 400 ms that its manifest allows/, settings: { requestCpuMs: 400, requestTimeoutMs: 20_000 } },
  { does: 'burns it in threads of Node’s own while its loop is idle', body: `handleRequest() { return new Promise(() => { const { pbkdf2 } = require('node:crypto'); const again = () => pbkdf2('x', 'y', 200_000, 64, 'sha512', again); for (let n = 0; n < 4; n++) again(); }); }`, kind: 'processor', says: /a message cost \d+ ms of processor time/, settings: { requestCpuMs: 400, requestTimeoutMs: 20_000 } },
  { does: 'closes the protocol’s pipe', body: `handleRequest() { require('node:fs').closeSync(3); return new Promise(() => {}); }`, kind: 'ended', says: /its process (was )?ended/ },
  { does: 'sends a frame of an unknown kind', body: `handleRequest() { raw('{"type":"swap","platform":"good"}'); return new Promise(() => {}); }`, kind: 'protocol-violation', says: /a frame of unknown form/ },
  { does: 'asks for the storage of another plugin', body: `handleRequest() { raw('{"type":"ask","id":1,"operation":"storage.get","platform":"good","args":["own"]}'); return new Promise(() => {}); }`, kind: 'protocol-violation', says: /a frame of unknown form/ },
  { does: 'sends a frame that is not JSON', body: `handleRequest() { raw('{{{{'); return new Promise(() => {}); }`, kind: 'protocol-violation', says: /a frame of unknown form/ },
  { does: 'announces a frame of 4 GB', body: `handleRequest() { require('node:fs').writeSync(3, Buffer.alloc(8, 255)); return new Promise(() => {}); }`, kind: 'protocol-violation', says: /a frame of 4294967295 bytes/ },
  { does: 'answers with 50 MB past our code', body: `handleRequest() { raw('{"type":"result","id":2,"value":{"text":"' + 'x'.repeat(50_000_000) + '"}}'); return new Promise(() => {}); }`, kind: 'protocol-violation', says: /a frame of 500000\d\d bytes/, settings: { memoryMb: 512 } },
  { does: 'answers calls that were never made, again and again', body: `handleRequest() { for (let i = 0; i < 5_000; i++) raw('{"type":"result","id":' + (100_000 + i) + ',"value":{}}'); return new Promise(() => {}); }`, kind: 'flood', says: /answers that nobody asked for/ },
  { does: 'floods us with attempts that are refused', body: `handleRequest() { const { readFileSync } = require('node:fs'); for (;;) { try { readFileSync('/etc/passwd'); } catch {} } }`, kind: 'flood', says: /more than 1000 refused attempts a second/, settings: { requestTimeoutMs: 30_000 } },
  { does: 'floods the protocol', body: `async handleRequest() { const many = Buffer.concat(Array(2_000).fill(framed('{"type":"log","level":"info","message":"' + 'x'.repeat(100) + '"}'))); const { writeSync } = require('node:fs'); for (;;) { try { writeSync(3, many); } catch { await new Promise((r) => setImmediate(r)); } } }`, kind: 'flood', says: /frames a second|MiB a second|cannot be read|unknown form/ },
];
const RAW = `
  const framed = (text) => { const head = Buffer.alloc(4); head.writeUInt32BE(Buffer.byteLength(text)); return Buffer.concat([head, Buffer.from(text)]); };
  const raw = (text) => { const all = framed(text); for (let at = 0; at < all.length;) { try { at += require('node:fs').writeSync(3, all, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; } } };`;

it.each(DEADLY)('a plugin that $does loses its process and its message, and says so', async ({ body, kind, says, settings = {} }) => {
  const platform = await starting(`static { ${RAW.replaceAll('const ', 'globalThis.')} } ${body}`, { settings });
  await platform.generation!.load();

  const outcome = await ask(platform, 'hello', settings.requestTimeoutMs ?? 20_000);

  // Whether it was carried out nobody knows, so it is not repeated.
  expect(outcome).toMatchObject({ result: 'unknown', code: 'outcome-unknown', message: expect.stringMatching(says) });
  await until(() => expect(Object.entries(platform.incidents.counts()).some(([counted]) => counted === kind || (kind === 'flood' && counted === 'protocol-violation'))).toBe(true));
  await until(async () => expect(await health(platform)).toMatchObject({ status: expect.stringMatching(/failed|degraded/), reason: expect.stringMatching(says) }));
});

it('a message that may be repeated is tried again after its process died', async () => {
  const platform = await starting(`handleRequest({ content }) { if (content === 'die') process.exit(1); return { text: 'well' }; }`, { settings: { repeatable: true } });

  expect(await ask(platform, 'die')).toMatchObject({ result: 'retry', code: 'outcome-unknown' });
  expect(await ask(platform)).toEqual({ text: 'well' });
});

describe('a plugin that throws in every hook', () => {
  it('does not start, and its reason is what it threw', async () => {
    const platform = await starting(`async initialize() { throw new Error('no such account'); }`);
    expect(await ask(platform)).toMatchObject({ result: 'retry', code: 'plugin-not-loaded', message: expect.stringContaining('no such account') });
    expect(await health(platform)).toMatchObject({ status: 'failed', reason: 'no such account' });
  });

  it('waits for a person when it says that only one can mend it', async () => {
    const platform = await starting(`async initialize() { throw SetupFailure.needsAttention('the token is wrong'); }`);
    expect(await ask(platform)).toMatchObject({ result: 'never', message: expect.stringContaining('the token is wrong') });
    expect(await health(platform)).toMatchObject({ status: 'needs-attention', reason: 'the token is wrong' });
  });

  it('fails its checks and its messages one by one, and keeps its process', async () => {
    const platform = await starting(`async healthCheck() { throw new Error('not well'); } async handleRequest({ content }) { throw content === 'named' ? DeliveryFailure.never({ code: 'no-such-chat', message: 'there is no such chat' }) : new Error('cannot'); } async shutdown() { throw new Error('will not'); }`);
    expect(await ask(platform)).toMatchObject({ result: 'retry', code: 'unexpected', message: 'cannot' });
    expect(await ask(platform, 'named')).toMatchObject({ result: 'never', code: 'no-such-chat' });
    expect(await health(platform)).toMatchObject({ status: 'failed', reason: 'not well' });
    expect(platform.figures().generations[0]).toMatchObject({ starts: 1 });
    await platform.shutdown();
  });

  it.each([['while its code loads', `throw new Error('broken file');`], ['by having no such file', `require('./missing.cjs');`], ['by being no JavaScript', `((`], ['by exporting nothing', `module.exports = {};`], ['by bringing another platform', `module.exports = require('@conductor/platform-kit').definePlugin({ platforms: { other: { create: () => ({}) } } });`]])('%s', async (_, code) => {
    const platform = await starting('', { files: { 'index.cjs': code } });
    expect(await ask(platform)).toMatchObject({ result: 'retry', code: 'plugin-not-loaded' });
    expect((await health(platform)).reason).toMatch(/broken file|Cannot find module|Unexpected|exports no plugin|brings no platform/);
  });
});

describe('a plugin that hangs in every hook', () => {
  it('is given up when it does not initialize', async () => {
    const platform = await starting('initialize() { return new Promise(() => {}); }');
    expect(await ask(platform, 'hello', 100)).toMatchObject({ result: 'retry', code: 'plugin-not-loaded', message: expect.stringContaining('still being started') });
    await until(async () => expect(await health(platform)).toMatchObject({ status: 'failed', reason: expect.stringContaining('did not start within 3000 ms') }));
  });

  it('fails its check, and its message ends in time; its process ends after twice the time', async () => {
    const platform = await starting('healthCheck() { return new Promise(() => {}); } handleRequest() { return new Promise(() => {}); }', QUICK);
    await platform.generation!.load();
    const answer = ask(platform, 'hello', 300);
    expect(await platform.healthCheck(AbortSignal.timeout(50))).toMatchObject({ status: 'failed', reason: 'its health check gave no answer in time' });
    expect(await answer).toMatchObject({ result: 'unknown', message: expect.stringContaining('after twice the') });
    expect(counted(platform, 'deadline')).toBe(1);
  });

  it('keeps its process, and what others have in there, when a sender gave it less time than its manifest asks for', async () => {
    const platform = await starting(`handleRequest({ content }, signal) {
      if (content === 'hopeless') return new Promise(() => {});
      return new Promise((resolve) => setTimeout(resolve, 700, { text: 'done' }));
    }`, { settings: { requestTimeoutMs: 60_000 } });
    await platform.generation!.load();
    const { pid } = platform.figures().generations[0]!.processes[0]!;
    const patient = ask(platform, 'patient', 60_000);
    for (let i = 0; i < 20; i++) void platform.handleRequest(requestOf('hopeless'), AbortSignal.timeout(20)).catch(() => {});

    expect(await patient).toEqual({ text: 'done' });
    expect(platform.figures().generations[0]!.processes.map((process) => process.pid)).toEqual([pid]);
    expect(counted(platform, 'deadline')).toBe(0);
  });

  it('is ended by force when it does not shut down', async () => {
    const platform = await starting('shutdown() { for (;;); }');
    await ask(platform);
    const { pid } = platform.figures().generations[0]!.processes[0]!;
    await platform.shutdown();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

it('a plugin that answers twice is believed once', async () => {
  const platform = await starting(`static { ${RAW.replaceAll('const ', 'globalThis.')} } async handleRequest() { raw('{"type":"result","id":2,"value":{"text":"first"}}'); return { text: 'second' }; }`);
  expect(await ask(platform)).toEqual({ text: 'first' });
  await until(() => expect(counted(platform, 'answered-twice')).toBe(1));
});

it('an answer of 50 MB is refused with the reason, and costs the plugin nothing else', async () => {
  const platform = await starting(`async handleRequest({ content }) { return { text: content === 'much' ? 'x'.repeat(50_000_000) : 'little' }; }`, { settings: { memoryMb: 512 } });
  expect(await ask(platform, 'much')).toMatchObject({ result: 'never', code: 'answer-too-large', message: expect.stringContaining('1024 KiB') });
  expect(await ask(platform, 'little')).toEqual({ text: 'little' });
});

it('a plugin that floods its log is cut short, and goes on', async () => {
  const platform = await starting(`async handleRequest({ content }) { for (let i = 0; i < 3_000; i++) this.context.logger.info('line ' + i); for (let i = 0; i < 40_000; i++) process.stdout.write('x'.repeat(99) + '\\n'); return { text: 'written' }; }`, { settings: { requestTimeoutMs: 60_000 } });
  expect(await ask(platform, 'hello', 60_000)).toEqual({ text: 'written' });
  expect(counted(platform, 'output-flood')).toBeGreaterThan(1);
  await until(() => expect(platform.output.list().pushedOut).toBeGreaterThan(0));
  expect(platform.output.list().lines.length).toBeLessThanOrEqual(1_000);
});

it('what a plugin writes on standard output is kept, and disturbs nothing', async () => {
  const platform = await starting(`async handleRequest() { console.log('{"type":"result","id":2,"value":{"text":"forged"}}'); console.error('to the other'); return { text: 'real' }; }`);
  expect(await ask(platform)).toEqual({ text: 'real' });
  await until(() => expect(platform.output.list().lines.map(({ stream, text }) => [stream, text])).toEqual(expect.arrayContaining([['stdout', expect.stringContaining('forged')], ['stderr', 'to the other']])));
});

it('a plugin that redefines globals and pollutes prototypes harms itself at most', async () => {
  const platform = await starting(`
    async initialize() {
      JSON.stringify = () => 'no'; JSON.parse = () => ({}); Buffer.from = Buffer.concat = Buffer.alloc = () => { throw new Error('no'); };
      Object.prototype.type = 'swap'; Object.prototype.toJSON = () => ({ type: 'forged' }); Object.prototype.then = undefined; Array.prototype.push = () => 0; Map.prototype.get = Map.prototype.set = () => {};
      Object.defineProperty(Object.prototype, 'id', { get: () => 1, set() {}, configurable: true }); String.prototype.slice = () => ''; globalThis.process = {}; globalThis.AbortController = class {}; globalThis.Promise = class {};
    }`);
  const outcome = (await ask(platform)) as { result?: string };
  const how = outcome.result ?? 'answered';
  expect(['answered', 'retry', 'unknown']).toContain(how);
  expect(({} as { type?: string }).type).toBeUndefined();
});

it('a plugin that answers with nonsense is told apart from one that is well', async () => {
  const platform = await starting(`async healthCheck() { return { status: 'splendid' }; } async handleRequest() { return { __proto__: { a: 1 }, toString: 1, constructor: { prototype: { polluted: true } } }; }`);
  await ask(platform);
  expect(await health(platform)).toMatchObject({ status: 'failed', reason: 'its health check answered with something that is no health' });
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

it('a core that is burned for nothing is taken away', async () => {
  const platform = await starting(`async handleRequest() { const spin = () => { const end = Date.now() + 40; while (Date.now() < end); setImmediate(spin); }; spin(); return { text: 'spinning' }; }`);
  expect(await ask(platform)).toEqual({ text: 'spinning' });
  await until(() => expect(counted(platform, 'processor')).toBe(1), 20_000);
  await until(async () => expect((await health(platform)).reason).toMatch(/used \d+ % of a core/));
});

it('a core that is burned behind messages that are answered at once is taken away, however often one comes', async () => {
  const platform = await starting(`async handleRequest() { if (!this.spins) { this.spins = true; const spin = () => { const end = Date.now() + 20; while (Date.now() < end); setImmediate(spin); }; spin(); } return { text: 'at once' }; }`);
  await until(async () => {
    await ask(platform);
    expect(counted(platform, 'processor')).toBe(1);
  }, 20_000);
});

it('a plugin that is busy within what is allowed goes on, and shows what its messages cost', async () => {
  const reckon = `async handleRequest() { const used = () => { const { user, system } = process.cpuUsage(); return user + system; }; const before = used(); while (used() - before < 40_000); return { text: 'reckoned' }; }`;
  const platform = await starting(reckon, { settings: { requestCpuMs: 400, requestTimeoutMs: 20_000 } });
  for (let n = 0; n < 8; n++) expect(await Promise.all(Array.from({ length: 4 }, () => ask(platform, 'go', 20_000)))).toEqual(Array(4).fill({ text: 'reckoned' }));

  const [{ requestsCpuMs, cpuMsPerRequest, largestRequestCpuMs, ...figures }] = platform.figures().generations[0]!.processes as [ProcessFigures];
  expect(figures).toMatchObject({ requests: 32, inFlight: 0 });
  // More than one message may cost, in 32 of them.
  expect(requestsCpuMs).toBeGreaterThan(32 * 30);
  expect(cpuMsPerRequest).toBeCloseTo(requestsCpuMs / 32, 1);
  expect(largestRequestCpuMs).toBeGreaterThanOrEqual(cpuMsPerRequest);
  expect(largestRequestCpuMs).toBeLessThan(400);
  expect(platform.incidents.counts()).toEqual({});
});

it('a plugin whose loop stands still between messages is ended too', async () => {
  const platform = await starting(`async handleRequest() { setTimeout(() => { for (;;); }, 20); return { text: 'for now' }; }`, QUICK);
  expect(await ask(platform)).toEqual({ text: 'for now' });
  await until(() => expect(counted(platform, 'blocked') + counted(platform, 'processor')).toBe(1), 20_000);
});

it('one that ends again and again rests until a person looks, and starts anew when told', async () => {
  const platform = await starting(`initialize() { process.exit(0); }`);
  await until(async () => {
    await ask(platform, 'hello', 1_000);
    expect(await health(platform)).toMatchObject({ status: 'needs-attention', reason: expect.stringMatching(/ended 5 times within a minute.*its process ended by itself, with code 0/) });
  });
  expect(await ask(platform)).toMatchObject({ result: 'never' });
  expect(platform.figures().generations[0]).toMatchObject({ starts: 5 });

  await platform.shutdown();
  await platform.initialize({}, stage.contextOf('any'));
  expect(await health(platform)).toMatchObject({ status: 'ok' });
});

it('a plugin that may start programs, and starts them without end, gets so many and no more, and takes them with it', async () => {
  const platform = await starting(
    `async handleRequest() {
       const { spawn } = require('node:child_process'); let started = 0;
       for (let i = 0; i < 40; i++) await new Promise((resolve) => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000) // forty of them'], { detached: true, stdio: 'ignore' }).on('spawn', () => (started++, resolve())).on('error', resolve));
       return { started };
     }`,
    { settings: { memoryMb: 1_024, requestTimeoutMs: 60_000, permissions: { childProcess: true } } },
  );
  await ask(platform, 'hello', 60_000);
  // Each wants some ten threads; those that do not get them end at once.
  if (stage.sandbox.means.cgroups) await until(() => expect(running('forty of them')).toBeLessThan(15));
  else console.warn('No control groups here: how many processes a plugin may start, where that was granted, is not limited.');
  expect(await platform.generation!.close()).toMatchObject({ leftovers: [] });
  await until(() => expect(running('forty of them')).toBe(0));
});

it('a plugin that would fill the store, or flood the routers, is told that it is enough', async () => {
  const platform = await starting(
    `async handleRequest({ content }) {
       const { storage, emit } = this.context; let done = 0;
       try {
         for (let i = 0; i < 3_000; i++) {
           if (content === 'store') await storage.set('key-' + i, 'x'.repeat(200_000));
           else await emit({ kind: 'message', content: 'flood' });
           done++;
         }
       } catch (error) { await storage.delete('key-0'); return { done, said: error.message }; }
     }`,
    { settings: { requestTimeoutMs: 60_000 } },
  );
  expect(await ask(platform, 'store', 60_000)).toEqual({ done: 167, said: expect.stringContaining('the storage of this platform is full') });
  expect(await ask(platform, 'emit', 60_000)).toEqual({ done: expect.any(Number), said: expect.stringContaining('more than 200 messages a second') });
  expect(stage.emitted.length).toBeLessThan(3_000);
});
