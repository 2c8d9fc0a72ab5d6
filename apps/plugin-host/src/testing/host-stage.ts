import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@conductor/config';
import type { ApprovalView, PluginCommand, PluginEvent, PluginInspection, PluginView, SwapReport } from '@conductor/contracts';
import { CommandCaller, CommandRefused, PluginEvents, PluginHosts, seal } from '@conductor/control';
import { type RunningApp, startApp } from '@conductor/http';
import type { SandboxWalls } from '@conductor/plugin-runtime';
import { forget, RouterDouble, testConfig, until } from '@conductor/testing';
import { PluginHostModule } from '../plugin-host.module';

export interface Dropped {
  /** The body of the platform's class, beyond hooks that answer with text and version. */
  hooks?: string;
  conductor?: Record<string, unknown>;
}

/** For tests of other things, which run wherever Node does. */
export const WALLS_MAY_BE_MISSING = { PLUGIN_ALLOW_MISSING_ISOLATION: 'files,network,processes,user' };

/** Plugin-hosts on the tests' Redis, asked as the conductor asks them, and a router double that sends messages. */
export class HostStage {
  readonly hosts: RunningApp[] = [];
  private caller!: CommandCaller;
  private presences!: PluginHosts;

  private constructor(
    readonly config: Config,
    readonly router: RouterDouble,
  ) {}

  static async open(env: Record<string, string> = WALLS_MAY_BE_MISSING): Promise<HostStage> {
    const config = testConfig(env);
    const stage = new HostStage(config, await RouterDouble.open(config));
    const { connections } = stage.router.context;
    stage.caller = new CommandCaller(connections, PluginHosts.TOPIC);
    stage.presences = new PluginHosts(connections);
    await stage.caller.open();
    return stage;
  }

  /** @param walls of the machine that it pretends to run on; this one's otherwise */
  async host(walls?: SandboxWalls): Promise<RunningApp> {
    const host = await startApp('plugin-host', (context) => PluginHostModule.register(context, walls), this.config);
    this.hosts.push(host);
    await until(async () => expect(await this.presences.leader()).toBeDefined());
    return host;
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    await this.caller.close();
    await this.router.close();
    await forget(this.config);
  }

  // What a person does.

  /** Writes a version of a plugin with one platform, named as itself, unless `conductor` says otherwise. @returns its folder */
  drop(name: string, version: string, { hooks = '', conductor = {} }: Dropped = {}): string {
    const folder = this.folderOf(name, version);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, conductor: { apiVersion: 1, platforms: [name], entry: 'index.cjs', ...conductor } }));
    const platforms = (conductor['platforms'] as string[] | undefined) ?? [name];
    writeFileSync(join(folder, 'index.cjs'), entryOf(platforms, version, hooks));
    return folder;
  }

  folderOf(name: string, version: string): string {
    return join(this.config.plugins.folders[0]!, `${name}@${version}`);
  }

  copy(from: string, to: string): void {
    cpSync(from, to, { recursive: true });
  }

  undrop(name: string, version: string): void {
    rmSync(this.folderOf(name, version), { recursive: true });
  }

  async ask<T = unknown>(command: PluginCommand): Promise<T> {
    const leader = await this.presences.leader();
    return (await this.caller.ask(leader!.instance, command)) as T;
  }

  async inspect(name: string, version: string): Promise<PluginInspection> {
    await this.ask({ do: 'discover' });
    return this.ask({ do: 'inspect', name, version });
  }

  async approve(name: string, version: string, secrets: string[] = []): Promise<ApprovalView> {
    const { integrity } = await this.inspect(name, version);
    return this.ask({ do: 'approve', name, version, integrity, secrets, acceptFindings: false, by: 'Ada' });
  }

  /** Drops, approves and loads. */
  async install(name: string, version: string, dropped: Dropped = {}): Promise<PluginView> {
    this.drop(name, version, dropped);
    await this.approve(name, version);
    await this.ask({ do: 'load', name, version, by: 'Ada' });
    return this.untilState(name, 'running');
  }

  async offer(name: string, version: string, dropped: Dropped = {}): Promise<void> {
    this.drop(name, version, dropped);
    await this.approve(name, version);
  }

  swap(name: string, version: string): Promise<SwapReport> {
    return this.ask<SwapReport>({ do: 'swap', name, version, by: 'Ada' });
  }

  async giveSecret(name: string, secret: string, value: string): Promise<void> {
    const leader = await this.presences.leader();
    await this.ask({ do: 'give-secret', name, secret, sealed: seal(value, leader!.publicKey), by: 'Ada' });
  }

  view(name: string): Promise<PluginView> {
    return this.ask<PluginView>({ do: 'show', name });
  }

  untilState(name: string, state: PluginView['state']): Promise<PluginView> {
    return until(async () => {
      const view = await this.view(name);
      if (view.state !== state) throw new Error(`${name} is ${view.state}: ${view.reason}`);
      return view;
    }, 15_000);
  }

  /** What became of a plugin, the oldest first. */
  async events(name: string): Promise<PluginEvent[]> {
    const { connections, notices } = this.router.context;
    return (await new PluginEvents(connections, notices).uncopied()).map(({ event }) => event).filter(({ plugin }) => plugin === name);
  }

  /** Sends a message and gives the answer. */
  async answer(platform: string, content = 'hello'): Promise<Record<string, unknown> | undefined> {
    return (await this.router.ask(platform, { content })).answer;
  }
}

const entryOf = (platforms: string[], version: string, hooks: string) => `
const { definePlugin, DeliveryFailure, SetupFailure, textOf } = require('@conductor/platform-kit');
class Platform {
  async initialize(config, context) { this.config = config; this.context = context; }
  async healthCheck() { return { status: 'ok' }; }
  async handleRequest({ content }) { return { text: textOf(content), version: '${version}' }; }
  async shutdown() {}
  ${hooks}
}
module.exports = definePlugin({ platforms: { ${platforms.map((name) => `'${name}': { create: () => new Platform() }`).join(', ')} } });
`;

/** What a command was refused with. */
export const refusalOf = async (work: Promise<unknown>): Promise<CommandRefused> => {
  const refused = await work.then(() => undefined, (error: unknown) => error);
  if (!(refused instanceof CommandRefused)) throw new Error(`it was not refused but ${JSON.stringify(refused)}`);
  return refused;
};
