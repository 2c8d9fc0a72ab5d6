import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as kit from '../kit/index';
import type * as author from './author';
import { definePlugin, pluginOf } from './author';

const create = () => ({ initialize: async () => {}, healthCheck: async () => ({ status: 'ok' as const }), handleRequest: async () => ({}), shutdown: async () => {} });

it('finds a plugin in what CommonJS and ES modules export', () => {
  const plugin = definePlugin({ platforms: { mine: { create } } });

  expect([plugin, { default: plugin }, { default: { default: plugin } }].map((exported) => pluginOf(exported))).toEqual([plugin, plugin, plugin]);
});

it.each([undefined, null, {}, { default: {} }, { platforms: { mine: { create } } }, () => {}])('says what to export when there is none: %p', (exported) => {
  expect(() => pluginOf(exported)).toThrow(/module\.exports = definePlugin/);
});

it.each([
  [undefined, /must be an object/], [{}, /must be an object/], [{ platforms: {} }, /names no platform/], [{ platforms: { mine: {} } }, /`platforms\.mine\.create` must be a function/],
])('says what is wrong with a definition: %j', (definition, message) => {
  expect(() => definePlugin(definition as never)).toThrow(message);
});

it('loads nothing but itself and the two failures, so that a plugin’s process stays small', () => {
  for (const file of ['author', 'delivery-failure', 'setup-failure']) {
    const imports = [...readFileSync(join(__dirname, `${file}.ts`), 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*from '([^']+)'/gm)].map(([, from]) => from);
    expect(imports.filter((from) => !['./delivery-failure', './setup-failure'].includes(from!))).toEqual([]);
  }
});

/** Types only: authors elsewhere see `kit/index.d.ts`, and it must say what is. Whatever differs does not compile here. */
type Same<Theirs, Ours> = [Theirs] extends [Ours] ? ([Ours] extends [Theirs] ? true : never) : never;
type Fits<Value, Place> = Value extends Place ? true : never;

it('is described to authors as it is', () => {
  const same: [
    Same<kit.PluginHealth, author.PluginHealth>,
    Same<kit.InboundMessage, author.InboundMessage>,
    Same<kit.PlatformStorage, author.PlatformStorage>,
    Same<kit.PlatformMetrics, author.PlatformMetrics>,
    Same<kit.WebhookCall, author.WebhookCall>,
    Same<kit.WebhookReply, author.WebhookReply>,
    Fits<author.PlatformRequest, kit.PlatformRequest>,
    Fits<author.PluginContext, kit.PluginContext>,
    Fits<kit.PluginPlatform, author.PluginPlatform>,
    Fits<ReturnType<typeof author.DeliveryFailure.retry>['outcome'], ReturnType<typeof kit.DeliveryFailure.retry>['outcome']>,
    Fits<author.SetupFailure['retryable'], kit.SetupFailure['retryable']>,
    Fits<keyof typeof kit, keyof typeof author>,
    Fits<keyof typeof author, keyof typeof kit>,
  ] = [true, true, true, true, true, true, true, true, true, true, true, true, true];

  expect(same).not.toContain(false);
});
