import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testRedisUrl } from '@conductor/testing';
import { freePort } from '../apps/launcher/src/ports';
import { Checkout } from './support/checkout';
import { Command, freshHome } from './support/command';
import { System } from './support/system';

/** The files of the example in README.md: each block of code after the path of a file of the new app. */
const exampleIn = (readme: string): Map<string, string> => {
  const section = /^## Adding a platform\n([^]*?)^## /m.exec(readme)?.[1] ?? '';
  const blocks = section.matchAll(/`(apps\/webhook\/[\w./-]+)`[^`]*\n\n```(?:ts|json)\n([^]*?)```/g);
  return new Map([...blocks].map(([, path, text]) => [path!, text!]));
};

const WRITTEN_FROM_APPS = ['README.md', 'nest-cli.json', 'docker/compose.yaml'];

describe('a new platform', () => {
  const checkout = new Checkout();
  const before = WRITTEN_FROM_APPS.map((file) => checkout.read(file));
  const example = exampleIn(checkout.read('README.md'));
  const received: string[] = [];
  let receiver: Server;
  let url: string;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        received.push(body);
        response.end();
      });
    });
    await new Promise<void>((open) => receiver.listen(0, '127.0.0.1', open));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    for (const [path, text] of example) checkout.write(path, text);
    expect(await checkout.run('scripts/build.mjs')).toMatchObject({ code: 0 });
  }, 120_000);
  afterAll(() => {
    receiver.closeAllConnections();
    receiver.close();
    checkout.remove();
  });

  it('is the files that README.md shows, all of them in its folder', () => {
    expect([...example.keys()]).toEqual([
      'apps/webhook/app.json',
      'apps/webhook/src/settings.ts',
      'apps/webhook/src/webhook.platform.ts',
      'apps/webhook/src/webhook.module.ts',
      'apps/webhook/src/webhook-app.ts',
      'apps/webhook/src/main.ts',
      'apps/webhook/src/webhook.spec.ts',
    ]);
  });

  it('compiles', async () => {
    checkout.write('tsconfig.webhook.json', JSON.stringify({ extends: './tsconfig.json', include: ['apps/webhook/**/*.ts'] }));

    expect(await checkout.run('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.webhook.json', '--noEmit'])).toEqual({ code: 0, output: '' });
  }, 120_000);

  it('keeps the contract of platforms', async () => {
    const { code, output } = await checkout.run('node_modules/jest/bin/jest.js', ['--selectProjects', 'unit', '--', 'apps/webhook'], { NODE_OPTIONS: '--experimental-vm-modules', TEST_REDIS_URL: testRedisUrl() });

    expect([code, output]).toEqual([0, expect.stringContaining('1 passed')]);
  }, 120_000);

  it('is started with all others, at the port it is told, gets messages, and ends with them', async () => {
    const port = await freePort('127.0.0.1');
    // Not `freshHome`: the compiled code of a checkout that is thrown away is nobody else's.
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'journey-')));
    const system = await System.start({ home, root: checkout.folder, env: { WEBHOOK_URL: url, WEBHOOK_PORT: String(port) } });
    try {
      expect(system.command.output).toMatch(new RegExp(`^  webhook +http://127\\.0\\.0\\.1:${port} +ready +\\d+ +\\d+ MB +posts messages to an address$`, 'm'));
      expect(await system.send({ id: 'posted-1', target: 'webhook', content: 'Hello!' })).toMatchObject({ status: 200, body: { platform: 'webhook', answer: { text: 'posted', status: 200 } } });
      expect(received.map((text) => JSON.parse(text) as unknown)).toEqual([{ id: 'posted-1', text: 'Hello!' }]);
    } finally {
      await system.stop();
    }
  }, 120_000);

  it.each([
    ['of its own', { WEBHOOK_ULR: 'x' }, /WEBHOOK_ULR: not a setting of the Conductor; did you mean WEBHOOK_URL\?/],
    ['of its own with a wrong value', { WEBHOOK_URL: 'nowhere' }, /WEBHOOK_URL: Invalid URL/],
    ['of its port', { WEBHOOK_PORT: 'any' }, /WEBHOOK_PORT: /],
    ['of another app', { BRAIN_TIMEUOT_MS: '1' }, /BRAIN_TIMEUOT_MS: not a setting of the Conductor; did you mean BRAIN_TIMEOUT_MS\?/],
  ])('has its settings checked with all others: a mistyped one %s stops the start at once', async (_, env, message) => {
    const home = freshHome();
    const command = Command.run('launcher', home, env, checkout.folder);

    expect(await command.exit).toBe(78);
    expect(command.output).toMatch(message);
    expect(command.output).not.toContain('Starting');
    rmSync(home, { recursive: true });
  }, 30_000);

  it('is written down for those who cannot look, by one command, which the lint asks for', async () => {
    expect(await checkout.run('scripts/check-repo.mjs')).toEqual({ code: 1, output: expect.stringMatching(/nest-cli\.json does not name webhook: `npm run renew`[^]*compose\.yaml does not name webhook/) });
    expect(await checkout.run('scripts/renew.mjs')).toMatchObject({ code: 0 });

    expect(checkout.read('README.md')).toMatch(/^\| `WEBHOOK_PORT` \| `3010` \| health of the webhook \|$[^]*^\| `WEBHOOK_URL` \| {2}\| address that messages are posted to \|$/m);
    expect(checkout.read('docker/compose.yaml')).toMatch(/^ {2}webhook:\n {4}<<: \*app\n[^]*APP: webhook\n {6}WEBHOOK_URL: \$\{WEBHOOK_URL:-\}\n/m);
    expect(await checkout.run('scripts/check-repo.mjs')).toEqual({ code: 0, output: '' });
  }, 60_000);

  it('is gone with its folder', async () => {
    checkout.delete('apps/webhook');

    expect(await checkout.run('scripts/renew.mjs')).toMatchObject({ code: 0 });
    expect(WRITTEN_FROM_APPS.map((file) => checkout.read(file))).toEqual(before);
    expect(await checkout.run('scripts/check-repo.mjs')).toEqual({ code: 0, output: '' });
  }, 60_000);
});
