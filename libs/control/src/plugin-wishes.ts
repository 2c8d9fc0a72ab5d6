import type { Result } from 'ioredis';
import type { RedisConnections } from '@conductor/connections';
import { PluginWish } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { luaJson } from './lua-json';
import type { Notices } from './notices';
import { patchScript } from './patch-script';
import { Replica } from './replica';

/** What is wanted of each plugin: which version, whether at all. */
export class PluginWishes {
  readonly wishes: Replica<PluginWish>;
  private readonly key: string;

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
    logger: Logger,
  ) {
    this.key = `${connections.namespace}:plugin-wishes`;
    this.wishes = new Replica(connections, this.key, logger);
    notices.on('plugin-wish', ({ wish }) => this.wishes.take(wish.name, wish));
    connections.commands.defineCommand('conductorPluginWish', { numberOfKeys: 1, lua: patchScript('name') });
  }

  async open(): Promise<void> {
    await this.wishes.open();
  }

  close() {
    this.wishes.close();
  }

  of(name: string): PluginWish | undefined {
    return this.wishes.get(name);
  }

  /** Changes what is wanted; `null` takes a part of it back. @throws RedisUnavailable */
  async wish(name: string, patch: Partial<{ [K in keyof Omit<PluginWish, 'name' | 'version' | 'at'>]: PluginWish[K] | null }>): Promise<PluginWish> {
    const json = await this.connections.commands.conductorPluginWish(this.key, name, luaJson({ ...patch, at: Date.now() }));
    const wish = PluginWish.parse(JSON.parse(json));
    this.wishes.take(name, wish);
    await this.notices.publish({ type: 'plugin-wish', wish });
    return wish;
  }
}

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorPluginWish(key: string, name: string, patch: string): Result<string, Context>;
  }
}
