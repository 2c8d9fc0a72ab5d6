import type { RedisConnections } from '@conductor/connections';
import { type RouteRule, RouteTable } from '@conductor/contracts';
import type { Result } from 'ioredis';
import { luaJson } from './lua-json';
import type { Notices } from './notices';

interface Stored {
  version: number;
  rules: RouteRule[];
}

const SAVE = `
  local old = redis.call('GET', KEYS[1])
  local version = old and tonumber(string.match(old, '^{"version":(%d+)')) or 0
  if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= version then return -1 end
  redis.call('SET', KEYS[1], '{"version":' .. (version + 1) .. ',"rules":' .. ARGV[1] .. '}')
  return version + 1`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorSaveRoutes(key: string, rules: string, expected: string): Result<number, Context>;
  }
}

/** The route rules all routers follow. */
export class RouteStore {
  private readonly key: string;
  private current: Stored = { version: 0, rules: [] };
  private timer?: NodeJS.Timeout;
  private readonly listeners: Array<(rules: RouteRule[]) => void> = [];

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
  ) {
    this.key = `${connections.namespace}:routes`;
    connections.commands.defineCommand('conductorSaveRoutes', { numberOfKeys: 1, lua: SAVE });
    notices.on('routes', ({ rules, version }) => this.take({ rules, version }));
  }

  async open(): Promise<void> {
    await this.reRead();
    this.connections.subscriber.on('ready', this.reReadQuietly);
    this.timer = setInterval(this.reReadQuietly, 3_000).unref();
  }

  get rules(): RouteRule[] {
    return this.current.rules;
  }

  get version(): number {
    return this.current.version;
  }

  onChange(listener: (rules: RouteRule[]) => void) {
    this.listeners.push(listener);
    listener(this.current.rules);
  }

  /**
   * Replaces the whole table.
   * @param expected version the change was made from; another version now makes it fail
   * @returns the new version, undefined when somebody else was faster
   */
  async save(rules: RouteRule[], expected?: number): Promise<number | undefined> {
    const table = RouteTable.parse(rules);
    const version = await this.connections.commands.conductorSaveRoutes(this.key, luaJson(table), expected?.toString() ?? '');
    if (version < 0) return undefined;
    this.take({ version, rules: table });
    await this.notices.publish({ type: 'routes', rules: table, version });
    return version;
  }

  close() {
    clearInterval(this.timer);
    this.connections.subscriber.off('ready', this.reReadQuietly);
  }

  private take(stored: Stored) {
    if (stored.version <= this.current.version) return;
    this.current = stored;
    for (const listener of this.listeners) listener(stored.rules);
  }

  private async reRead(): Promise<void> {
    const json = await this.connections.commands.get(this.key);
    if (!json) return;
    const { version, rules } = JSON.parse(json) as { version: number; rules: unknown };
    // An empty Lua table comes back as an object.
    this.take({ version, rules: RouteTable.parse(Array.isArray(rules) ? rules : []) });
  }

  private readonly reReadQuietly = () => void this.reRead().catch(() => {});
}
