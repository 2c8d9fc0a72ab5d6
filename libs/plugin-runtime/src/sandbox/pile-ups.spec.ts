import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { checkPluginConfig } from '../manifest/config-check';
import { ask, SandboxStage } from './testing/sandbox-stage';
import type { SandboxedPlatform } from './sandboxed-platform';

/** What a plugin may pile up in the Conductor, or on its disk: each bound is tried by a plugin that goes beyond it. */
let stage: SandboxStage;
beforeAll(async () => (stage = await SandboxStage.open({ dataFolder: { bytes: 8 * 1_048_576, entries: 100, everyMs: 100 } })));
afterAll(() => stage.close());

const start = async (body: string, more: Parameters<SandboxStage['plugin']>[1] = {}) => stage.start(await stage.plugin(body, more));
const incident = (platform: SandboxedPlatform, kind: string) => platform.incidents.list().find((one) => one.kind === kind);
const isWell = async (platform: SandboxedPlatform) => expect(await platform.healthCheck(AbortSignal.timeout(5_000))).toMatchObject({ status: 'ok' });

it('keeps a hundred names of metrics, over all processes and versions, and goes on counting under them', async () => {
  const measured = stage.measured.length;
  const body = `async handleRequest({ content }) { for (let n = 0; n < 500; n++) this.context.metrics.count(content + '_' + n); return {}; }`;
  const platform = await start(body, { platform: 'counter' });
  await ask(platform, 'first');
  await until(() => expect(incident(platform, 'metric-flood')?.detail).toBe('more than 100 names of metrics; those beyond are dropped'));
  const next = await platform.openGeneration(await stage.plugin(body, { platform: 'counter', version: '1.1.0' }));
  const before = platform.switchTo(next)!;
  await platform.close(before);
  await ask(platform, 'second');
  await ask(platform, 'first');
  await until(() => expect(stage.measured.length - measured).toBe(200));
  const names = new Set(stage.measured.slice(measured).map(([name]) => name));
  expect([names.size, names.has('first_99'), names.has('second_0')]).toEqual([100, true, false]);
  await isWell(platform);
});

it('says of its health what a person reads, and no more', async () => {
  const platform = await start(`async healthCheck() { return { status: 'degraded', reason: '😀'.repeat(100_000), details: { all: 'x'.repeat(100_000) } }; }`);
  await ask(platform);
  const { status, reason, details } = await platform.healthCheck(AbortSignal.timeout(5_000));
  expect([status, reason!.length <= 502, reason!.isWellFormed(), Buffer.byteLength(JSON.stringify(details)) < 500]).toEqual(['degraded', true, true, true]);
  expect(details).toMatchObject({ cut: 'its details had more than 2048 bytes', loaded: true });
});

it('brings messages in up to a number of bytes a second, is told to wait beyond, and can go on', async () => {
  const platform = await start(`async handleRequest({ content }) {
    if (content === 'flood') return { refused: (await Promise.allSettled(Array.from({ length: 20 }, () => this.context.emit({ kind: 'message', content: { text: 'x'.repeat(700_000) } })))).filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message) };
    return this.context.emit({ kind: 'message', content: { text: 'small' } }).then(() => ({ text: 'in' }), ({ message }) => ({ text: message }));
  }`);
  const before = stage.emitted.length;
  const { refused, ...failure } = await ask(platform, 'flood', 30_000);
  expect(failure).toEqual({});
  expect(refused.length).toBeGreaterThan(3);
  expect(refused[0]).toBe('emit: more than 1 MiB of messages a second; wait a moment, and bring this one in again');
  expect(stage.emitted.length - before).toBe(20 - refused.length);
  expect(incident(platform, 'flood')).toMatchObject({ detail: 'it brings in more than 1 MiB of messages a second; the rest is refused', times: refused.length });
  await until(async () => expect(await ask(platform, 'small')).toEqual({ text: 'in' }));
});

it('writes log lines up to a number of bytes, and fields of a size', async () => {
  const platform = await start(`async handleRequest() { for (let n = 0; n < 190; n++) this.context.logger.info({ n, big: 'x'.repeat(15_000) }, 'line'); return {}; }`);
  const before = stage.logged.length;
  await ask(platform);
  await until(() => expect(incident(platform, 'output-flood')?.detail).toBe('more than 64 KiB of log lines a second; the rest is dropped'));
  expect(JSON.stringify(stage.logged.slice(before)).length).toBeLessThan(3_000_000);
  await isWell(platform);
});

it('keeps so many bytes in its storage, counted as bytes and with the names of its keys', async () => {
  const platform = await start(`async handleRequest({ content }) {
    try { await this.context.storage.set('one', content === 'wide' ? '€'.repeat(100_000) : 'e'.repeat(100_000)); return { text: 'kept' }; } catch ({ message }) { return { text: message }; }
  }`);
  expect(await ask(platform, 'narrow')).toEqual({ text: 'kept' });
  expect(await ask(platform, 'wide')).toEqual({ text: expect.stringContaining('holds more than 262144 bytes as JSON') });
});

it('reads what is kept a bit at a time, whatever is asked for at once, and answers nothing that is too large', async () => {
  const platform = await start(`async handleRequest({ content }) {
    const { storage } = this.context;
    if (content === 'large') return storage.after('large', 0).then(() => ({ text: 'read' }), ({ message }) => ({ text: message }));
    const all = await Promise.all(Array.from({ length: 500 }, () => storage.after('list', 0)));
    return { asked: all.length };
  }`);
  let [now, atOnce] = [0, 0];
  const context = stage.contextOf('lists');
  const storage = {
    ...context.storage,
    after: async (key: string) => {
      atOnce = Math.max(atOnce, ++now);
      await new Promise(setImmediate);
      now--;
      return [{ position: 1, value: 'x'.repeat(key === 'large' ? 9_000_000 : 1_000) }] as never;
    },
  };
  await platform.initialize({}, { ...context, storage });
  expect(await ask(platform, 'many', 20_000)).toEqual({ asked: 500 });
  expect(atOnce).toBe(1);
  expect(await ask(platform, 'large', 20_000)).toEqual({ text: expect.stringContaining('storage.after: what is kept there has more than 8 MiB') });
  await isWell(platform);
});

it('keeps incidents of a kind apart from others, and counts what it does not list', async () => {
  const platform = await start(`async handleRequest({ content }) {
    if (content === 'spawn') try { require('node:child_process').spawnSync('true'); } catch {}
    if (content === 'read') for (let n = 0; n < 400; n++) try { require('node:fs').readFileSync('/etc/nothing-' + n); } catch {}
    return {};
  }`);
  const logged = stage.logged.length;
  await ask(platform, 'spawn');
  platform.incidents.report('network-refused', 'somewhere', { generation: 'g' });
  await ask(platform, 'read', 20_000);
  await until(() => expect(platform.incidents.counts()['permission-denied']).toBeGreaterThanOrEqual(400));
  const listed = platform.incidents.list();
  expect(listed.filter(({ kind }) => kind === 'permission-denied')).toHaveLength(50);
  expect(listed).toContainEqual(expect.objectContaining({ kind: 'network-refused', detail: 'somewhere' }));
  expect(stage.logged.length - logged).toBeLessThan(150);
});

it('names a failure by a word, a sentence and a pause that ends', async () => {
  const platform = await start(`async handleRequest() { throw DeliveryFailure.notNow(1e300, { code: 'c'.repeat(2_000), message: 'm'.repeat(100_000) }); }`);
  const outcome = await ask(platform);
  expect(outcome).toMatchObject({ result: 'not-now', delayMs: 3_600_000 });
  expect([outcome.code.length, outcome.message.length <= 2_000]).toEqual([100, true]);
});

describe('in its data folder', () => {
  const folderOf = (platform: SandboxedPlatform) => join(stage.folder, 'sandbox', 'data', platform.definition.name, platform.definition.name);
  const WRITES = `async handleRequest({ content }) {
    const fs = require('node:fs');
    if (content === 'bytes') for (let n = 0; n < 20; n++) fs.writeFileSync('f' + n, Buffer.alloc(1_048_576, 1));
    if (content === 'files') for (let n = 0; n < 150; n++) fs.writeFileSync('f' + n, '');
    if (content === 'deep') { let at = '.'; for (let n = 0; n < 150; n++) fs.mkdirSync((at += '/d')); }
    if (content === 'sparse') { fs.writeFileSync('hole', ''); fs.truncateSync('hole', 200_000_000); }
    if (content === 'wait') await new Promise((resolve) => setTimeout(resolve, 4_000));
    return {};
  }`;

  it.each([
    ['bytes', 'its data folder holds more than 8 MB'],
    ['files', 'its data folder holds more than 100 files and folders'],
    ['deep', 'its data folder holds more than 100 files and folders'],
  ])('a plugin that keeps too much (%s) is ended, and not started again before a person has looked', async (what, reason) => {
    const platform = await start(WRITES);
    await ask(platform, what);
    await until(() => expect(incident(platform, 'files')?.detail).toBe(reason));
    await until(async () => expect(await platform.healthCheck(AbortSignal.timeout(5_000))).toMatchObject({ status: 'needs-attention', reason: expect.stringMatching(new RegExp(`^${reason}: remove what is not needed from .*, then restart the platform`)) }));
    expect(readdirSync(folderOf(platform)).length).toBeGreaterThan(0);
  });

  it('a file that is only long takes no room', async () => {
    const platform = await start(WRITES);
    await ask(platform, 'sparse');
    await ask(platform, 'wait', 10_000);
    expect(incident(platform, 'files')).toBeUndefined();
    await isWell(platform);
  });
});

it('takes a configuration of a size, with the defaults that its schema fills in', () => {
  expect(checkPluginConfig({ type: 'object' }, { text: 'x'.repeat(60_000) })).toMatchObject({ ok: true });
  expect(checkPluginConfig({ type: 'object' }, { text: 'x'.repeat(70_000) })).toEqual({ ok: false, problems: [expect.stringContaining('more than 65536 bytes')] });
  expect(checkPluginConfig({ type: 'object', properties: { text: { type: 'string', default: '€'.repeat(30_000) } } }, {})).toEqual({ ok: false, problems: [expect.stringContaining('with the defaults of its schema')] });
});
