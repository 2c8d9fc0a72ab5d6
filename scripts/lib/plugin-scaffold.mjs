import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inProject } from './project.mjs';

const KIT = 'node_modules/@conductor/platform-kit';

/** Writes a plugin of one platform that answers each message with a greeting. @returns all files, those of the kit last */
export const scaffold = (name, folder) => {
  const platform = name.replace(/^@.*\//, '');
  const type = `${platform.replace(/(^|-)([a-z0-9])/g, (_, __, letter) => letter.toUpperCase())}Platform`;
  const files = filesOf({ name, platform, type });
  for (const [file, text] of Object.entries(files)) write(join(folder, file), text);
  return [...Object.keys(files), ...copyKit(folder)];
};

/** So that editors know the types and `node --test` finds the kit. When the plugin runs, the Conductor's own takes its place. @returns its files */
const copyKit = (folder) => {
  const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  const built = ['author.js', 'delivery-failure.js', 'setup-failure.js'].map((file) => [file, readFileSync(inProject('dist', 'libs', 'platform-kit', 'src', file), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')]);
  const files = Object.fromEntries([
    ...built,
    ['index.d.ts', readFileSync(inProject('libs', 'platform-kit', 'kit', 'index.d.ts'), 'utf8')],
    ['package.json', json({ name: '@conductor/platform-kit', version, main: 'author.js', types: 'index.d.ts' })],
  ]);
  for (const [file, text] of Object.entries(files)) write(join(folder, KIT, file), text);
  return Object.keys(files).map((file) => `${KIT}/${file}`);
};

const write = (file, text) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

const filesOf = ({ name, platform, type }) => ({
  'index.js': `'use strict';
const { definePlugin } = require('@conductor/platform-kit');
const { ${type} } = require('./${platform}.platform.js');

module.exports = definePlugin({ platforms: { '${platform}': { create: () => new ${type}() } } });
`,
  [`${platform}.platform.js`]: `'use strict';
const { DeliveryFailure, SetupFailure, textOf } = require('@conductor/platform-kit');

/**
 * @typedef {import('@conductor/platform-kit').PluginContext} PluginContext
 * @typedef {{ greeting: string }} Config as the schema in package.json says
 * @typedef {import('@conductor/platform-kit').PluginPlatform<Config>} Platform
 */

/**
 * Greets whoever writes. Put your platform here.
 * @implements {Platform}
 */
class ${type} {
  greeting = '';
  /** @type {PluginContext} */
  context;

  /**
   * Connects. Called once, before everything else.
   * @param {Config} config
   * @param {PluginContext} context logger, storage, metrics, secrets, and \`emit\` for messages that come in
   */
  async initialize({ greeting }, context) {
    if (greeting.trim() === '') throw SetupFailure.needsAttention('the greeting is empty: configure another one');
    this.greeting = greeting;
    this.context = context;
  }

  /** How are you? Called every few seconds. @returns {Promise<import('@conductor/platform-kit').PluginHealth>} */
  async healthCheck() {
    return { status: 'ok' };
  }

  /**
   * Carries one message out.
   * @param {import('@conductor/platform-kit').PlatformRequest} request
   * @param {AbortSignal} signal hand it to whatever waits: it aborts when time is up
   * @returns {Promise<import('@conductor/platform-kit').Answer>}
   */
  async handleRequest(request, signal) {
    signal.throwIfAborted();
    const text = textOf(request.content);
    if (text === '') throw DeliveryFailure.never({ code: 'no-text', message: 'the message has no text' });
    const count = await this.context.storage.increment('greeted');
    return { text: \`\${this.greeting} You said: \${text}\`, count };
  }

  /** Lets everything go that was opened. */
  async shutdown() {}
}

module.exports = { ${type} };
`,
  'package.json': json({
    name,
    version: '1.0.0',
    description: `The platform ${platform}.`,
    private: true,
    scripts: { test: 'node --test' },
    conductor: {
      apiVersion: 1,
      platforms: [platform],
      entry: 'index.js',
      permissions: { net: [], secrets: [] },
      config: { type: 'object', additionalProperties: false, properties: { greeting: { type: 'string', default: 'Hello!' } } },
    },
  }),
  [`test/${platform}.test.js`]: `'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const plugin = require('../index.js');

/** What the Conductor gives a platform, as far as this one uses it. */
const context = () => {
  let count = 0;
  return { secrets: {}, storage: { increment: async () => ++count } };
};

const start = async (config = { greeting: 'Hello!' }) => {
  const platform = plugin.platforms['${platform}'].create();
  await platform.initialize(config, context());
  return platform;
};

const ask = (platform, content) => platform.handleRequest({ id: 'r-1', kind: 'message', content }, AbortSignal.timeout(1_000));

test('greets whoever writes', async () => {
  assert.deepEqual(await ask(await start(), 'how are you?'), { text: 'Hello! You said: how are you?', count: 1 });
});

test('a message without text is never tried again', async () => {
  await assert.rejects(ask(await start(), {}), ({ outcome }) => outcome.result === 'never');
});

test('an empty greeting needs a person', async () => {
  await assert.rejects(start({ greeting: ' ' }), ({ retryable }) => !retryable);
});
`,
  'test/contract.mjs': `/** What \`npm run plugin:test\` needs to try the platform: its configuration, secrets, a message, and a double of the far side if there is one. */
export default async () => ({ config: {}, secrets: {}, message: { content: 'hello' }, close: async () => {} });
`,
  'jsconfig.json': json({ compilerOptions: { module: 'nodenext', target: 'es2023', checkJs: true, strict: true, strictPropertyInitialization: false, types: [] }, include: ['*.js'] }),
  'README.md': `# ${name}

The platform \`${platform}\` for the Conductor. \`${platform}.platform.js\` holds it, \`package.json\` says under \`conductor\` what it needs.

\`npm test\` runs its own tests; in the Conductor's folder, \`npm run plugin:test -- <this folder>\` checks everything that can be known before somebody approves it.
`,
});
