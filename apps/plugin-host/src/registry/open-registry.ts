import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { reservedPlatforms } from '@conductor/config';
import { PluginCommand } from '@conductor/contracts';
import { BoxKey, CommandListener, PlatformDirectory, PluginEvents, PluginHosts, PluginWishes, Presences } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import { PlatformHost } from '@conductor/platform-kit';
import {
  ConfigStore, GenerationStore, lifecycleSettings, LockFile, PluginAnswers, PluginApprovals, PluginCatalogue, PluginChanges, PluginRegistry, PluginSwaps, type PlatformRunner, type Sandbox, SecretStore, Shelf, type TellEvent, type TellStep,
} from '@conductor/plugin-runtime';
import { DesiredSwitch } from './desired-switch';
import { HostLease } from './host-lease';
import { carryOut } from './plugin-commands';
import { readSigningKeys } from './signing-keys';

const REPORT_MS = 2_000;

/** Opens everything that this host needs to find, run and change plugins; it is let go in reverse order through `context.resources`. */
export const openRegistry = async (context: AppContext, sandbox: Sandbox): Promise<{ registry: PluginRegistry; answers: PluginAnswers }> => {
  const { config, connections, notices, resources, logger } = context;
  const folder = join(config.home, 'plugins');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const catalogue = resources.hold(
    'plugin catalogue',
    await PluginCatalogue.open({ ...config.plugins, cacheFile: join(folder, 'manifests.json'), onWatchError: (error) => logger.warn({ err: error }, 'a plugin folder cannot be watched; it is looked at when somebody asks') }),
    (open) => open.close(),
  );
  const lock = await LockFile.open(join(folder, 'conductor.lock.json'));
  const store = await GenerationStore.open(join(folder, 'generations'));
  const approvals = new PluginApprovals(lock, store, { keys: await readSigningKeys(config.plugins.keysFile), strict: config.plugins.strict });
  const secrets = new SecretStore(join(folder, 'secrets.json'));
  const configs = new ConfigStore(join(folder, 'configurations.json'));
  const shelf = new Shelf(catalogue, lock, store);

  const wishes = resources.hold('plugin wishes', new PluginWishes(connections, notices, logger), (open) => open.close());
  await wishes.open();
  const events = new PluginEvents(connections, notices);
  const tell: TellEvent = (event) => void events.append({ ...event, host: context.instance }).catch((error: unknown) => logger.warn({ err: error, event }, 'what became of a plugin could not be written down'));
  const tellStep: TellStep = (plugin, to, step, state) => void notices.publish({ type: 'plugin-step', plugin, to, step, state, host: context.instance }).catch(() => {});
  const presences = new Presences(connections);
  const directory = resources.hold('wishes for platforms', new PlatformDirectory(connections, notices, logger), (open) => open.close());
  await directory.open();
  const host = await PlatformHost.open(context, []);

  const hosts = new PluginHosts(connections);
  const isOutdone = async () => sandbox.refusal !== undefined && (await hosts.all()).some(({ instance, refusal }) => instance !== context.instance && refusal === undefined);
  const lease = new HostLease(context, isOutdone, () => void registry.lead().then(() => registry.follow(), (error: unknown) => logger.error({ err: error }, 'plugins are left as they are')));
  const { drainMs, watch } = config.plugins;
  const registry = new PluginRegistry({
    sandbox, store, catalogue, lock, approvals, shelf, secrets, configs, wishes, tell, tellStep, logger,
    runner: runnerOf(host),
    switches: new DesiredSwitch(directory),
    settings: lifecycleSettings({ drainMs, watchMs: watch.ms, watchErrors: watch.errors, watchMarginPercent: watch.marginPercent }),
    onIncident: () => {},
    leads: () => lease.leads,
    ownerOf: async (platform) => {
      const app = reservedPlatforms().get(platform);
      // Reserved, also while that app is silent.
      if (app !== undefined) return `the app ${app}`;
      const other = (await presences.all()).find((one) => one.platform === platform && one.app !== context.app && Date.now() - one.at < config.health.presenceTtlMs);
      return other && `the app ${other.app}`;
    },
  });
  const box = new BoxKey();
  const changes = new PluginChanges(registry, new PluginSwaps(registry), box);
  const answers = new PluginAnswers(registry);

  await lease.campaign();
  resources.hold('leadership of plugin-hosts', lease, (open) => open.resign());
  resources.hold('plugin registry', registry, (open) => open.close());
  resources.hold('candidacy of plugin-hosts', lease, (open) => open.rest());
  const report = await reportPresence(context, hosts, sandbox.refusal, box, registry, answers);
  const listener = resources.hold('plugin commands', new CommandListener(connections, PluginHosts.TOPIC, context.instance, PluginCommand, carryOut(answers, changes), logger), (open) => open.close());
  await listener.open();
  await registry.open();
  // At once: start-up waits for it.
  await report().catch(() => {});
  await catalogue.watch().catch((error: unknown) => logger.warn({ err: error }, 'plugin folders cannot be watched'));
  return { registry, answers };
};

const runnerOf = (host: PlatformHost): PlatformRunner => ({
  add: (definition) => host.add(definition),
  remove: async (name) => void (await host.remove(name)),
  redefine: (definition) => host.instances.find(({ name }) => name === definition.name)?.redefine(definition),
  stateOf: (name) => host.instances.find((instance) => instance.name === name)?.state,
});

/** Says again and again that this host is here, and what it runs. */
const reportPresence = async ({ instance, resources }: AppContext, hosts: PluginHosts, refusal: string | undefined, box: BoxKey, registry: PluginRegistry, answers: PluginAnswers): Promise<() => Promise<void>> => {
  const report = () => {
    const plugins = Object.fromEntries([...registry.running.values()].map((plugin) => [plugin.name, { version: plugin.version, ...answers.stateOf(plugin.name, plugin) }]));
    return hosts.report({ instance, machine: hostname(), pid: process.pid, at: Date.now(), publicKey: box.publicKey, settled: registry.settled, ...(refusal !== undefined && { refusal }), plugins });
  };
  await report();
  const timer = setInterval(() => void report().catch(() => {}), REPORT_MS).unref();
  resources.hold('presence of the plugin-host', timer, async () => {
    clearInterval(timer);
    await hosts.remove(instance).catch(() => {});
  });
  return report;
};
