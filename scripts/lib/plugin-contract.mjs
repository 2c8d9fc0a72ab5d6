import './plugin-kit-hook.mjs';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inProject } from './project.mjs';

/*
 * A process of its own for one plugin: `node plugin-contract.mjs <folder> <manifest as JSON>` runs each of its platforms through the contract test and
 * says { platform, breaches } for each. `test/contract.mjs` of the plugin may bring a double of the far side, secrets, and a message.
 */
const [folder, text] = process.argv.slice(2);
const { conductor } = JSON.parse(text);
const require = createRequire(import.meta.url);
const { checkPlatformContract, pluginOf } = require(inProject('dist', 'libs', 'platform-kit', 'src'));
const { checkPluginConfig } = require(inProject('dist', 'libs', 'plugin-runtime', 'src'));

const far = async () => {
  const file = ['contract.mjs', 'contract.js', 'contract.cjs'].map((name) => join(folder, 'test', name)).find(existsSync);
  if (file === undefined) return {};
  const { default: open } = await import(pathToFileURL(file).href);
  return open();
};

/** `checkPlatformContract` knows platforms that are built in, which have no secrets. */
const withSecrets = (platform, secrets) => ({
  initialize: (config, context) => platform.initialize(config, { ...context, secrets }),
  healthCheck: (signal) => platform.healthCheck(signal),
  handleRequest: (request, signal) => platform.handleRequest(request, signal),
  shutdown: () => platform.shutdown(),
});

const check = async (name, maker, { config = {}, secrets = {}, message = {} }) => {
  if (maker === undefined) return [{ rule: 'the entry brings every platform that the manifest names', found: `"${name}" is missing` }];
  const checked = checkPluginConfig(conductor.config, config);
  if (!checked.ok) return [{ rule: 'the configuration for the test fits the manifest’s schema', found: checked.problems.join('; ') }];
  return checkPlatformContract({ name, create: () => withSecrets(maker.create(), secrets), config: checked.config }, message);
};

const exported = await import(pathToFileURL(join(folder, conductor.entry)).href);
const { platforms } = pluginOf({ ...exported });
const double = await far();
const results = [];
for (const name of conductor.platforms) results.push({ platform: name, breaches: await check(name, platforms[name], double) });
const foreign = Object.keys(platforms).filter((name) => !conductor.platforms.includes(name));
if (foreign.length > 0) results.push({ platform: foreign.join(', '), breaches: [{ rule: 'the manifest names every platform that the entry brings', found: `conductor.platforms lacks ${foreign.join(', ')}` }] });
await double.close?.();
await new Promise((resolve) => process.send(results, resolve));
process.exit(0);
