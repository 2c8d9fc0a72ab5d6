import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { SetupFailure } from '@conductor/platform-kit';
import { SandboxedPlatform } from './sandboxed-platform';
import { ask, requestOf, SandboxStage } from './testing/sandbox-stage';

let stage: SandboxStage;
beforeAll(async () => (stage = await SandboxStage.open()));
afterAll(() => stage.close());

const processesOf = (platform: SandboxedPlatform) => platform.figures().generations.flatMap(({ processes }) => processes);
const commandOf = (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};
const WHO = `async handleRequest({ content }) { return { pid: process.pid, uid: process.getuid(), cwd: process.cwd(), env: process.env, argv: process.argv.length, text: content }; }`;

describe('a lazy plugin', () => {
  it('costs no process until its first message; all who come meanwhile wait for the same start', async () => {
    const platform = await stage.start(await stage.plugin(WHO));
    expect(await platform.healthCheck(AbortSignal.timeout(500))).toMatchObject({ status: 'ok', details: { loaded: false, processes: 0 } });
    expect(processesOf(platform)).toEqual([]);

    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(platform, `message ${i}`)));

    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, i) => `message ${i}`));
    expect(platform.figures().generations[0]).toMatchObject({ starts: 1, inFlight: 0, processes: [{ requests: 50 }] });
    expect(answers[0]).toMatchObject({ env: {}, cwd: expect.stringContaining('/data/'), argv: 2 });
  });

  it('is unloaded when it had nothing to do, and loaded again when it has', async () => {
    const platform = await stage.start(await stage.plugin(`${WHO} async shutdown() { this.context.logger.info('goes in order'); }`, { settings: { idleUnloadMs: 1_000 } }));
    await ask(platform);
    const { pid } = processesOf(platform)[0]!;

    await until(() => expect(processesOf(platform)).toEqual([]));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(platform.output.list().lines.map(({ text }) => text)).toEqual(['info: goes in order']);
    expect(await ask(platform, 'back')).toMatchObject({ text: 'back' });
    expect(platform.incidents.list()).toEqual([]);
  });

  it('is well when it is unloaded, also when a process of it had ended by itself before, and no check starts it', async () => {
    const platform = await stage.start(await stage.plugin(`handleRequest({ content }) { if (content === 'die') process.exit(1); return { text: 'well' }; }`, { settings: { idleUnloadMs: 1_000 } }));
    const check = () => platform.healthCheck(AbortSignal.timeout(2_000));
    await ask(platform, 'die');
    expect(await check()).toMatchObject({ status: expect.stringMatching(/failed|degraded/), reason: expect.stringContaining('ended by itself, with code 1') });
    expect(await ask(platform)).toEqual({ text: 'well' });

    await until(() => expect(processesOf(platform)).toEqual([]));
    expect(await check()).toMatchObject({ status: 'ok', details: { loaded: false } });
    expect(platform.figures().generations[0]).toMatchObject({ loaded: false, starts: 2 });
    expect(await ask(platform)).toEqual({ text: 'well' });
  });

  it('is loaded by a webhook as by a message', async () => {
    const platform = await stage.start(await stage.plugin(`async handleWebhook({ method, body }) { return { status: 200, headers: { 'content-type': 'text/plain', connection: 'close' }, body: method + ' ' + Buffer.from(body).toString() }; }`));
    const call = { method: 'POST', path: '/', query: {}, headers: {}, body: Buffer.from('ping') };
    expect(await platform.handleWebhook(call, AbortSignal.timeout(5_000))).toEqual({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'POST ping' });
  });
});

describe('an eager plugin', () => {
  it('is there when its start is over', async () => {
    const platform = await stage.start(await stage.plugin('', { settings: { load: 'eager' } }));
    expect(processesOf(platform)).toHaveLength(1);
    expect(await platform.healthCheck(AbortSignal.timeout(2_000))).toMatchObject({ status: 'ok', details: { loaded: true, version: '1.0.0' } });
  });

  it.each([
    [`throw SetupFailure.needsAttention('set a token')`, 'set a token', false],
    [`throw new Error('no connection')`, 'no connection', true],
    [`process.exit(0)`, 'its process ended by itself, with code 0', true],
  ])('whose initialize says %s does not start, and says whether trying again helps', async (code, message, retryable) => {
    const failure = await stage.start(await stage.plugin(`async initialize() { ${code}; }`, { settings: { load: 'eager' } })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupFailure);
    expect(failure).toMatchObject({ message: expect.stringContaining(message), retryable });
  });
});

it('runs as many processes as its manifest allows, when the work needs them', async () => {
  const platform = await stage.start(await stage.plugin(`async handleRequest() { await new Promise((resolve) => setTimeout(resolve, 100)); return { pid: this.context.instance }; }`, { settings: { instances: 2, concurrency: 2 } }));
  expect(platform.definition).toMatchObject({ concurrency: 4 });
  await ask(platform);
  expect(processesOf(platform)).toHaveLength(1);

  await until(async () => {
    await Promise.all(Array.from({ length: 6 }, () => ask(platform)));
    expect(processesOf(platform)).toHaveLength(2);
    expect(processesOf(platform).every(({ requests }) => requests > 0)).toBe(true);
  });
});

describe('the size of its pool, when somebody wishes for one', () => {
  /** Answers when the test opens the gate, by a message of its own. */
  const SLOW = `
    async handleRequest({ content }, signal) {
      if (content !== 'wait') return { pid: process.pid };
      await new Promise((resolve) => { const timer = setInterval(() => this.context.storage.get('open').then((open) => open && (clearInterval(timer), resolve())), 20); });
      return { pid: process.pid };
    }`;
  const pool = (platform: SandboxedPlatform) => platform.definition.pool!;
  const pids = (platform: SandboxedPlatform) => processesOf(platform).map(({ pid }) => pid).sort();

  it('is started at once, kept within the manifest, and also what the first message finds later', async () => {
    const platform = await stage.start(await stage.plugin(SLOW, { settings: { instances: 3 } }));
    pool(platform).resize(8);
    await until(() => expect(pool(platform).view()).toMatchObject({ running: 3, most: 3, idlestInFlight: 0 }));
    expect(pool(platform).view().rssMb).toBeGreaterThan(60);

    await platform.generation!.unload();
    expect(pool(platform).view()).toEqual({ running: 0, most: 3, rssMb: 0 });
    pool(platform).resize(2);
    await ask(platform);
    await until(() => expect(pool(platform).view().running).toBe(2));
    // A crowd does not make it grow beyond the wish.
    await Promise.all(Array.from({ length: 60 }, () => ask(platform)));
    expect(processesOf(platform)).toHaveLength(2);
  });

  it('shrinks from the idlest on; one that has something in hand gets nothing more and ends when that is done', async () => {
    const spec = await stage.plugin(SLOW, { settings: { instances: 3, concurrency: 1 } });
    const platform = await stage.start(spec);
    pool(platform).resize(3);
    await until(() => expect(pool(platform).view().running).toBe(3));
    const held = [ask(platform, 'wait'), ask(platform, 'wait')];
    await until(() => expect(processesOf(platform).map(({ inFlight }) => inFlight).sort()).toEqual([0, 1, 1]));
    const idle = processesOf(platform).find(({ inFlight }) => inFlight === 0)!.pid;

    pool(platform).resize(1);
    await until(() => expect(pids(platform)).not.toContain(idle));
    expect(pool(platform).view()).toMatchObject({ running: 1, idlestInFlight: 1 });
    expect(pids(platform)).toHaveLength(2);

    stage.storage.set(`${spec.platform}/open`, true);
    const answers = await Promise.all(held);
    expect(answers).toEqual([{ pid: expect.any(Number) as unknown }, { pid: expect.any(Number) as unknown }]);
    await until(() => expect(pids(platform)).toHaveLength(1));
    expect(platform.incidents.list()).toEqual([]);
  });

  it('is taken back by no wish: the work decides again', async () => {
    const platform = await stage.start(await stage.plugin(SLOW, { settings: { instances: 2, concurrency: 1 } }));
    pool(platform).resize(1);
    await Promise.all(Array.from({ length: 6 }, () => ask(platform)));
    expect(processesOf(platform)).toHaveLength(1);

    pool(platform).resize(undefined);
    await until(async () => {
      await Promise.all(Array.from({ length: 6 }, () => ask(platform)));
      expect(processesOf(platform)).toHaveLength(2);
    });
  });
});

it('gives a plugin its configuration, its granted secrets, and the context of its platform alone', async () => {
  const spec = await stage.plugin(
    `async handleRequest() {
       const { storage, emit, metrics, logger, secrets, platform, instance } = this.context;
       await storage.set('count', { n: 1 }); await storage.increment('sum', 2);
       metrics.count('seen'); metrics.observe('depth', 3.5); logger.info({ chat: 7 }, 'took it in');
       const emitted = await emit({ id: 'in-1', kind: 'message', content: 'hi' });
       const refused = await emit({ kind: 'message', content: 'hi', source: 'conductor' }).catch((error) => error.message);
       return { config: this.config, secrets, platform, instance, kept: await storage.get('count'), gone: (await storage.get('nothing')) === undefined, keys: await storage.keys(), sum: await storage.increment('sum'), emitted, refused };
     }`,
    { config: { depth: { a: [1] } }, secrets: { TOKEN: 'hush-hush' } },
  );
  const platform = await stage.start(spec);

  expect(await ask(platform)).toEqual({
    config: { depth: { a: [1] } }, secrets: { TOKEN: 'hush-hush' }, platform: spec.platform, instance: `${spec.platform}-test`,
    kept: { n: 1 }, gone: true, keys: ['count', 'sum'], sum: 3, emitted: { id: 'in-1' }, refused: expect.stringContaining('Unrecognized key: "source"'),
  });
  expect(stage.emitted).toEqual([{ id: 'in-1', kind: 'message', content: 'hi' }]);
  expect(stage.measured).toEqual(expect.arrayContaining([['seen', 1], ['depth', 3.5]]));
  expect(stage.logged).toContainEqual({ level: 'info', message: 'took it in', fields: { plugin: { chat: 7 } } });
  const { pid } = processesOf(platform)[0]!;
  for (const file of ['cmdline', 'environ']) expect(readFileSync(`/proc/${pid}/${file}`, 'utf8')).not.toContain('hush-hush');
});

it('tells the plugin when the time is over, and hears what it makes of it', async () => {
  const platform = await stage.start(await stage.plugin(`handleRequest(_, signal) { return new Promise((_, reject) => signal.addEventListener('abort', () => reject(DeliveryFailure.notNow(2_000, { code: 'slow', message: 'slow today: ' + signal.reason.name })))); }`));
  await platform.generation!.load();
  expect(await ask(platform, 'hello', 200)).toMatchObject({ result: 'not-now', delayMs: 2_000, code: 'slow', message: 'slow today: TimeoutError' });
  expect(processesOf(platform)).toHaveLength(1);
});

it('takes an ES module, and code that a folder of the manifest brings along', async () => {
  const spec = await stage.plugin('', {
    settings: { entry: 'lib/main.mjs' },
    platform: 'modern',
    files: { 'package.json': '{"name":"modern"}' },
  });
  await mkdir(`${spec.folder}/lib/`, { recursive: true });
  await mkdir(`${spec.folder}/node_modules/dep`, { recursive: true });
  await writeFile(`${spec.folder}/node_modules/dep/index.js`, `module.exports = 'from a dependency';`);
  await writeFile(`${spec.folder}/lib/main.mjs`, `
    import { definePlugin } from '@conductor/platform-kit'; import dep from 'dep';
    export default definePlugin({ platforms: { modern: { create: () => ({ async initialize() {}, async healthCheck() { return { status: 'ok' }; }, async handleRequest() { return { text: dep }; }, async shutdown() {} }) } } });`);
  expect(await ask(await stage.start(spec))).toEqual({ text: 'from a dependency' });
});

it('runs each plugin as a user of its own where that is possible, and keeps its folder from one start to the next', async () => {
  const body = `async handleRequest({ content }) { const fs = require('node:fs'); if (content === 'write') fs.writeFileSync('kept', 'still here'); return { uid: process.getuid(), text: fs.readFileSync('kept', 'utf8') }; }`;
  const one = await stage.start(await stage.plugin(body));
  const other = await stage.start(await stage.plugin(body));
  const [first, second] = [await ask(one, 'write'), await ask(other, 'write')];
  if (stage.sandbox.means.ownUser) expect(new Set([first.uid, second.uid, process.getuid?.()]).size).toBe(3);
  await one.generation!.unload();
  expect(await ask(one, 'read')).toMatchObject({ text: 'still here' });
});

it('has what was granted: files, threads, programs', async () => {
  const [readable, writable] = [join(stage.folder, 'granted-to-read'), join(stage.folder, 'granted-to-write')];
  await mkdir(writable);
  await chmod(writable, 0o777);
  await writeFile(readable, 'readable');
  const platform = await stage.start(
    await stage.plugin(
      `async handleRequest({ content: { readable, writable } }) {
         const fs = require('node:fs'); const { once } = require('node:events');
         fs.writeFileSync(writable + '/new', 'x');
         const worker = new (require('node:worker_threads').Worker)('require("node:worker_threads").parentPort.postMessage("from a thread")', { eval: true });
         const { stdout } = require('node:child_process').spawnSync(process.execPath, ['-p', '1 + 1']);
         let refused; try { fs.writeFileSync(readable, 'x'); } catch (error) { refused = error.code; }
         return { file: fs.readFileSync(readable, 'utf8'), thread: (await once(worker, 'message'))[0], program: String(stdout).trim(), refused };
       }`,
      { settings: { memoryMb: 256, permissions: { fs: { read: [readable, join(stage.folder, 'not-there')], write: [writable] }, workers: true, childProcess: true } } },
    ),
  );

  expect(await ask(platform, { readable, writable }, 20_000)).toEqual({ file: 'readable', thread: 'from a thread', program: '2', refused: 'ERR_ACCESS_DENIED' });
});

it('lets a plugin use channels and hooks of its own as ever, though ours cannot be changed', async () => {
  const platform = await stage.start(
    await stage.plugin(`async handleRequest() {
      const { channel, subscribe, unsubscribe } = require('node:diagnostics_channel'); const { AsyncLocalStorage } = require('node:async_hooks'); const { registerHooks } = require('node:module');
      const own = channel('own'); const heard = []; const [one, other] = [(message) => heard.push('one ' + message), (message) => heard.push('other ' + message)];
      subscribe('own', one); own.subscribe(other); own.publish(1);
      const ended = [unsubscribe('own', one), unsubscribe('own', one)]; own.publish(2); own.unsubscribe(other); own.publish(3);
      const store = new AsyncLocalStorage(); own.bindStore(store); const stored = own.runStores('kept', () => store.getStore()); const unbound = own.unbindStore(store);
      const hooks = registerHooks({ resolve: (specifier, from, next) => (specifier === 'mine' ? { url: 'data:text/javascript,export default 7', shortCircuit: true } : next(specifier, from)) });
      const { default: mine } = await import('mine'); hooks.deregister();
      return { heard, ended, listens: own.hasSubscribers, stored, unbound, mine, gone: await import('mine').catch(({ code }) => code) };
    }`),
  );
  expect(await ask(platform)).toEqual({ heard: ['one 1', 'other 1', 'other 2'], ended: [true, false], listens: false, stored: 'kept', unbound: true, mine: 7, gone: 'ERR_MODULE_NOT_FOUND' });
});

it('ends with its plugin what the plugin had started', async () => {
  // A time of its own marks the process among those of other tests.
  const program = `setInterval(() => {}, ${1_000_000 + process.pid})`;
  const platform = await stage.start(await stage.plugin(`async handleRequest() { require('node:child_process').spawn(process.execPath, ['-e', '${program}'], { detached: true, stdio: 'inherit' }).unref(); return {}; }`, { settings: { permissions: { childProcess: true } } }));
  await ask(platform);
  expect(await platform.generation!.close()).toMatchObject({ leftovers: [] });
  await until(() => expect(readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(program))).toEqual([]));
});

it('costs a message that comes while nothing runs one try, and no more', async () => {
  const platform = new SandboxedPlatform(stage.sandbox, await stage.plugin(''));
  await expect(platform.handleRequest(requestOf(), AbortSignal.timeout(100))).rejects.toMatchObject({ outcome: { result: 'retry', code: 'plugin-not-loaded' } });
});

it('an answer that was given before we end its process counts, also when it is not read yet', async () => {
  const platform = await stage.start(await stage.plugin(`
    async handleRequest({ content }, signal) {
      if (content === 'stuck') return new Promise(() => signal.addEventListener('abort', () => this.release()));
      await new Promise((resolve) => (this.release = resolve));
      setTimeout(() => require('node:fs').writeFileSync('answered', ''), 20);
      return { text: 'done' };
    }`, { platform: 'answers', settings: { requestTimeoutMs: 200 } }));
  const answered = join(await stage.sandbox.dataFolder('answers', 'answers'), 'answered');
  await platform.generation!.load();
  const asked = ask(platform, 'quick', 60_000);
  const deadline = AbortSignal.timeout(200);
  const stuck = platform.handleRequest(requestOf('stuck'), deadline).catch((error: { outcome: unknown }) => error.outcome);

  // From the deadline on this process reads nothing, until the answer is on its way and the time of the stuck one is over twice.
  await new Promise((resolve) => deadline.addEventListener('abort', resolve));
  // After this, timers come before what is to be read.
  await new Promise((resolve) => setImmediate(resolve));
  const sleep = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  for (let looks = 0; looks < 4_000 && !existsSync(answered); looks++) sleep(5);
  sleep(500);

  expect(await asked).toEqual({ text: 'done' });
  expect(await stuck).toMatchObject({ result: 'unknown', code: 'outcome-unknown' });
});
