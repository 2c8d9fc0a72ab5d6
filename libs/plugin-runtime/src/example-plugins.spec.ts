import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginManifest } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { ask, SandboxStage } from './sandbox/testing/sandbox-stage';
import type { SandboxedPlatform } from './sandbox/sandboxed-platform';

/** The examples in the sandbox, with a double of their far side on this machine: what the author's own tests cannot show. */
const ROOT = join(__dirname, '..', '..', '..');

let stage: SandboxStage;
const doubles: Array<{ close(): Promise<void> }> = [];
beforeAll(async () => (stage = await SandboxStage.open()));
afterAll(async () => {
  await stage.close();
  for (const double of doubles) await double.close();
});

const open = async (name: string, file: string, type: string) => {
  const double = await (await import(join(ROOT, 'examples', 'plugins', name, 'test', file)))[type].open();
  doubles.push(double);
  return double;
};

/** @param far the one host that it may reach, in place of the real one */
const start = async (name: string, far: string, config: object, secrets: Record<string, string>, packages: string[] = []): Promise<SandboxedPlatform> => {
  const folder = join(stage.folder, name);
  cpSync(join(ROOT, 'examples', 'plugins', name), folder, { recursive: true });
  for (const one of packages) cpSync(join(ROOT, 'node_modules', one), join(folder, 'node_modules', one), { recursive: true });
  const { version, conductor } = PluginManifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  return stage.start({ id: `${name}-${version}`, plugin: name, version, platform: name, folder, settings: conductor, granted: { ...conductor.permissions, net: [new URL(far).host] }, config, secrets });
};

it('the Telegram bot takes messages in and sends answers', async () => {
  const telegram = await open('telegram', 'bot-api-double.mjs', 'BotApiDouble');
  const platform = await start('telegram', telegram.url, { apiUrl: telegram.url, pollSeconds: 1 }, { BOT_TOKEN: telegram.constructor.TOKEN });

  expect(await ask(platform, { text: 'hello', chat: '42' })).toMatchObject({ text: 'sent', chat: '42' });
  expect(telegram.sent).toEqual([{ chat_id: '42', text: 'hello' }]);
  telegram.write('hi there');
  await until(() => expect(stage.emitted).toContainEqual(expect.objectContaining({ id: 'tg-99-1', conversation: '42', content: expect.objectContaining({ text: 'hi there' }) })));
  telegram.refuse('sendMessage', 429, 'Too Many Requests', { retry_after: 3 });
  expect(await ask(platform, { text: 'again', chat: '42' })).toMatchObject({ result: 'not-now', delayMs: 3_000 });
});

it('the webhook signs with a package of its own', async () => {
  const receiver = await open('webhook', 'receiver-double.mjs', 'ReceiverDouble');
  const secret = `whsec_${Buffer.from('a secret for tests only').toString('base64')}`;
  const platform = await start('webhook', receiver.url, { url: receiver.url }, { WEBHOOK_SECRET: secret }, ['standardwebhooks', '@stablelib/base64', 'fast-sha256']);

  expect(await ask(platform, { text: 'hello' })).toMatchObject({ text: 'posted', status: 200 });
  expect(receiver.received[0]).toMatchObject({ headers: { 'webhook-signature': expect.stringMatching(/^v1,/) } });
});
