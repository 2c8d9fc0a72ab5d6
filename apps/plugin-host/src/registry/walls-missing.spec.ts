import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxView } from '@conductor/contracts';
import type { RunningApp } from '@conductor/http';
import { PluginRegistry, SandboxWalls, signIntegrity } from '@conductor/plugin-runtime';
import { until } from '@conductor/testing';
import { type Dropped, HostStage } from '../testing/host-stage';

const keys = generateKeyPairSync('ed25519');
const REASON = /strict mode runs no plugin here, since walls are missing: network \(no namespaces on this machine\)/;

let stage: HostStage;
let pretended: (missing?: string) => SandboxWalls;
let whole: SandboxWalls;
let wanting: SandboxWalls;
beforeAll(async () => {
  const keysFile = join(mkdtempSync(join(tmpdir(), 'plugin-keys-')), 'keys.json');
  writeFileSync(keysFile, JSON.stringify({ acme: keys.publicKey.export({ type: 'spki', format: 'pem' }) }));
  stage = await HostStage.open({ PLUGIN_STRICT: 'true', PLUGIN_KEYS_FILE: keysFile });
  // What this very machine lacks or has is not the question here.
  const { means, walls } = await SandboxWalls.probe();
  pretended = (missing?: string) => Object.assign(Object.create(SandboxWalls.prototype) as SandboxWalls, { means, walls: walls.map((wall) => ({ ...wall, up: wall.name !== missing, ...(wall.name === missing && { reason: 'no namespaces on this machine' }) })) });
  whole = pretended();
  wanting = pretended('network');
}, 60_000);
afterAll(() => stage.close());

const offerSigned = async (name: string, version: string, dropped: Dropped = {}) => {
  const folder = stage.drop(name, version, dropped);
  const { integrity } = await stage.inspect(name, version);
  writeFileSync(join(folder, 'conductor.sig'), signIntegrity(integrity, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string));
  await stage.approve(name, version);
};
const runsOn = (host: RunningApp) => [...host.nest.get(PluginRegistry).running.keys()].sort();
const troubleOn = (host: RunningApp, name: string) => host.nest.get(PluginRegistry).troubleOf(name);

describe('in strict mode, a plugin-host whose machine lacks a wall', () => {
  let weak: RunningApp;
  let strong: RunningApp;

  it('leads while it is alone, runs nothing, and says why', async () => {
    weak = await stage.host(wanting);
    await offerSigned('guest', '1.0.0');
    await stage.ask({ do: 'load', name: 'guest', version: '1.0.0', by: 'Ada' });
    expect(await stage.untilState('guest', 'failed')).toMatchObject({ enabled: true, platforms: [], reason: expect.stringMatching(REASON) });
    expect(runsOn(weak)).toEqual([]);
  }, 30_000);

  it('leaves the lead to one that can run plugins, which then run there', async () => {
    strong = await stage.host(whole);
    await stage.untilState('guest', 'running');
    expect(await stage.answer('guest')).toMatchObject({ version: '1.0.0' });
    expect(runsOn(strong)).toEqual(['guest']);
    expect(await stage.ask<SandboxView>({ do: 'sandbox' })).toMatchObject({ complete: true });
    expect(troubleOn(weak, 'guest')?.reason).toMatch(REASON);
  }, 30_000);

  it('does not stand in the way of a swap', async () => {
    await offerSigned('guest', '1.1.0');
    await stage.swap('guest', '1.1.0');
    // It has seen the new wish, and made up its mind.
    await until(() => expect(weak.nest.get(PluginRegistry).parts.wishes.of('guest')?.release).toBe('1.1.0'));
    await weak.nest.get(PluginRegistry).follow();
    expect(await stage.view('guest')).toMatchObject({ state: 'running', version: '1.1.0', wanted: '1.1.0' });
    expect(await stage.answer('guest')).toMatchObject({ version: '1.1.0' });
    expect((await stage.events('guest')).map(({ event }) => event)).not.toContain('rolled-back');
    expect(runsOn(weak)).toEqual([]);
  }, 30_000);

  it('does not keep one session from running where it can', async () => {
    await offerSigned('single', '1.0.0', { conductor: { exclusive: true, load: 'eager' } });
    await stage.ask({ do: 'load', name: 'single', version: '1.0.0', by: 'Ada' });
    await stage.untilState('single', 'running');
    expect(runsOn(strong)).toEqual(['guest', 'single']);
  }, 30_000);
});

describe('by default, a plugin-host whose machine does not isolate plugins', () => {
  const withStage = async (env: Record<string, string>, body: (other: HostStage) => Promise<void>) => {
    const other = await HostStage.open(env);
    try {
      await body(other);
    } finally {
      await other.close();
    }
  };
  const load = async (other: HostStage) => {
    other.drop('guest', '1.0.0');
    await other.inspect('guest', '1.0.0');
    await other.approve('guest', '1.0.0');
    await other.ask({ do: 'load', name: 'guest', version: '1.0.0', by: 'Ada' });
  };

  it.each(['files', 'network', 'processes', 'user'])('runs nothing without a wall for %s, and says which is missing, why, and what to do', (missing) =>
    withStage({}, async (other) => {
      const host = await other.host(pretended(missing));
      await load(other);
      const reason = expect.stringMatching(new RegExp(`does not isolate its ${missing}: ${missing} \\(no namespaces on this machine\\)\\. What to do: .*PLUGIN_ALLOW_MISSING_ISOLATION=${missing}$`));
      expect(await other.untilState('guest', 'failed')).toMatchObject({ platforms: [], reason });
      expect(runsOn(host)).toEqual([]);
      expect(await other.ask<SandboxView>({ do: 'sandbox' })).toMatchObject({ strict: false, allowMissing: [], complete: false, refusal: reason });
    }), 30_000);

  it('runs them where an admin says that this layer may be missing', () =>
    withStage({ PLUGIN_ALLOW_MISSING_ISOLATION: 'network' }, async (other) => {
      await other.host(pretended('network'));
      await load(other);
      await other.untilState('guest', 'running');
      expect(await other.answer('guest')).toMatchObject({ version: '1.0.0' });
    }), 30_000);
});
