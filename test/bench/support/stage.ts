import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ledger, ReplyInbox } from '@conductor/bus';
import { type Config, configFrom } from '@conductor/config';
import { PlatformDirectory } from '@conductor/control';
import { ApiKeys, type AppContext } from '@conductor/http';
import { InboundPort } from '@conductor/platform-kit';
import { forget, openTestContext, until } from '@conductor/testing';
import { start, type Started } from './processes';

/** A router and an echo platform as processes of their own, and this process as their client. */
export class Stage {
  key!: string;
  router!: Started;
  directory!: PlatformDirectory;
  inbox!: ReplyInbox;
  inbound!: InboundPort;
  private echo!: Started;

  private constructor(
    readonly config: Config,
    readonly env: Record<string, string>,
    readonly context: AppContext,
    private readonly home: string,
  ) {}

  static async open(redisUrl: string): Promise<Stage> {
    const home = mkdtempSync(join(tmpdir(), 'conductor-bench-'));
    const env = { REDIS_URL: redisUrl, CONDUCTOR_NAMESPACE: `bench-${Date.now()}`, CONDUCTOR_HOME: home, ROUTER_PORT: '0', STUBS_PORT: '0', ANDROID_PORT: '0', LOG_LEVEL: 'error', RATE_LIMIT_PER_MINUTE: '100000000', REQUEST_RETENTION_MS: '60000' };
    const config = configFrom(env);
    const stage = new Stage(config, env, await openTestContext('android', config), home);
    await stage.set();
    return stage;
  }

  async close(): Promise<void> {
    await Promise.all([this.router.stop(), this.echo.stop()]);
    this.directory.close();
    await this.inbox.close();
    await this.inbound.close();
    await this.context.resources.drain();
    await forget(this.config);
    rmSync(this.home, { recursive: true, force: true });
  }

  private async set() {
    const { connections, notices, logger, config } = this.context;
    await connections.commands.set(`${connections.namespace}:phase`, 'open');
    this.directory = new PlatformDirectory(connections, notices, logger);
    await this.directory.open();
    await this.directory.desire('echo', { enabled: true, pinned: false, restarts: 0 });
    this.key = (await new ApiKeys(connections, notices, logger).create({ name: 'bench', role: 'admin' })).key;
    this.echo = await start(join(__dirname, '..', 'echo-platform.main.js'), ['1'], this.env);
    this.router = await start(join(__dirname, '..', '..', '..', 'apps', 'router', 'src', 'main.js'), [], this.env);
    const ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    this.inbox = new ReplyInbox(connections, ledger, 'bench-client', logger);
    await this.inbox.open();
    this.inbound = new InboundPort(connections.forProducer(), connections.namespace, ledger);
    await connections.untilReady();
    await permit(this.context, 'echo');
    await until(async () => {
      if ((await fetch(`${this.router.url}/health/ready`)).status !== 200) throw new Error('the router is not ready');
    });
  }
}

/** What the conductor would say to instances that wait for their turn. */
export const permit = async ({ connections, notices }: AppContext, platform?: string): Promise<void> => {
  await until(async () => {
    const presences = (await connections.commands.hvals(`${connections.namespace}:presences`)).map((json) => JSON.parse(json) as { platform: string; instance: string; lifecycle: string });
    const meant = presences.filter((presence) => platform === undefined || presence.platform === platform);
    for (const { platform: name, instance, lifecycle } of meant) if (lifecycle === 'registered') await notices.publish({ type: 'start-permit', platform: name, instance });
    if (meant.length === 0 || meant.some(({ lifecycle }) => lifecycle !== 'ready')) throw new Error('not all platforms are ready');
  }, 30_000);
};
