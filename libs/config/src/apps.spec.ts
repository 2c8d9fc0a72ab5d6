import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, environmentOf, findApps, loadConfig } from './index';

const WEBHOOK = { what: 'posts messages', port: 3010, platforms: ['webhook'] };

describe('an app is a folder', () => {
  let apps: string;
  beforeEach(() => void (apps = mkdtempSync(join(tmpdir(), 'apps-'))));
  afterEach(() => rmSync(apps, { recursive: true, force: true }));

  const file = (path: string, text: string) => {
    mkdirSync(join(apps, path, '..'), { recursive: true });
    writeFileSync(join(apps, path), text);
  };
  const app = (name: string, description: object) => file(`${name}/app.json`, JSON.stringify(description));
  /** As it is built; `zod` is found from this library. */
  const settings = (name: string, body: string) => file(`${name}/src/settings.js`, `const { z } = require(${JSON.stringify(require.resolve('zod'))}); ${body}`);
  const config = (env: Record<string, string>) => loadConfig(env, findApps(apps));

  it('that is found by looking, with what follows from its name', () => {
    app('web-hook', WEBHOOK);
    app('other', { what: 'comes first, for its port', port: 3009, startUpOrder: 1, platforms: ['a', 'b'], stopOrder: 0, carriesMessages: false });
    file('no-app/src/main.js', '');

    expect(findApps(apps).map(({ name, stopOrder, carriesMessages }) => ({ name, stopOrder, carriesMessages }))).toEqual([
      { name: 'other', stopOrder: 0, carriesMessages: false },
      { name: 'web-hook', stopOrder: 1, carriesMessages: true },
    ]);
    expect(config({ WEB_HOOK_PORT: '4410' }).ports).toEqual({ other: 3009, 'web-hook': 4410 });
    expect(environmentOf(findApps(apps)).shape).toMatchObject({ WEB_HOOK_PORT: { description: 'health of the web hook' } });
  });

  it('whose platforms start-up waits for if it says so, in the order it says', () => {
    app('third', { ...WEBHOOK, platforms: ['c'], startUpOrder: 30 });
    app('first', { ...WEBHOOK, platforms: ['b', 'a'], startUpOrder: 2 });
    app('nobody-waits', WEBHOOK);

    expect(config({}).startup.platforms).toEqual(['b', 'a', 'c']);
    expect(config({ STARTUP_PLATFORMS: 'webhook' }).startup.platforms).toEqual(['webhook']);
  });

  it('whose settings are checked with all others, and are handed to it as they were given', () => {
    app('webhook', WEBHOOK);
    settings('webhook', `exports.settings = z.object({ WEBHOOK_URL: z.url().optional().describe('address') });`);

    expect(config({ WEBHOOK_URL: 'http://127.0.0.1:1', PATH: '/bin' }).ofApps).toEqual({ WEBHOOK_URL: 'http://127.0.0.1:1' });
    expect(() => config({ WEBHOOK_URL: 'nowhere', WEBHOOK_ULR: 'x', WEBHOOK_PROT: '1' })).toThrow(/WEBHOOK_URL: Invalid URL[^]*WEBHOOK_ULR: not a setting[^]*did you mean WEBHOOK_URL\?[^]*WEBHOOK_PROT: not a setting/);
  });

  it.each([
    ['misses something', { platforms: [] }, /apps\/webhook\/app\.json, what: [^]*apps\/webhook\/app\.json, port: /],
    ['has something mistyped', { ...WEBHOOK, stopOrdr: 1 }, /apps\/webhook\/app\.json: .*"stopOrdr"/],
    ['names a platform that cannot be', { ...WEBHOOK, platforms: ['Web Hook'] }, /platforms\.0: is no name of a platform/],
    ['wants to be waited for without a platform', { ...WEBHOOK, platforms: [], startUpOrder: 1 }, /startUpOrder: there is nothing to wait for/],
    ['breaks the table', { ...WEBHOOK, what: 'a | b' }, /what: must be one line without `\|`/],
  ])('that is refused by file and field when its description %s', (_, description, message) => {
    app('webhook', description);

    expect(() => findApps(apps)).toThrow(ConfigurationError);
    expect(() => findApps(apps)).toThrow(message);
  });

  it('that is refused with all others that cannot be used, not one after the other', () => {
    file('one/app.json', '{ "what": ');
    app('Two_', WEBHOOK);

    expect(() => findApps(apps)).toThrow(/apps\/Two_\/app\.json: the folder's name has to be small letters[^]*apps\/one\/app\.json is no JSON/);
  });

  it.each([
    ['of another app', `exports.settings = z.object({ BRAIN_URL: z.url().describe('x') });`, /settings\.ts, BRAIN_URL: has to begin with WEBHOOK_/],
    ['without a description', `exports.settings = z.object({ WEBHOOK_URL: z.url() });`, /settings\.ts, WEBHOOK_URL: needs a description/],
    ['for the port', `exports.settings = z.object({ WEBHOOK_PORT: z.url().describe('x') });`, /settings\.ts, WEBHOOK_PORT: is there already/],
    ['that are no schema', `exports.settings = { WEBHOOK_URL: 'x' };`, /settings\.ts has to export `settings`, a z\.object/],
    ['that cannot be loaded', `throw new Error('broken');`, /settings\.ts cannot be loaded: broken/],
  ])('that is refused when it has settings %s', (_, body, message) => {
    app('webhook', WEBHOOK);
    settings('webhook', body);

    expect(() => findApps(apps)).toThrow(message);
  });

  it('that cannot take the name of a common setting', () => {
    app('health', { ...WEBHOOK, platforms: [] });
    settings('health', `exports.settings = z.object({ HEALTH_INTERVAL_MS: z.string().describe('x') });`);

    expect(() => config({})).toThrow(/taken by what is common: HEALTH_INTERVAL_MS/);
  });
});
