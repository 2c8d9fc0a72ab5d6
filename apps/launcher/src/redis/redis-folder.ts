import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A message's record is a hash of a few fields of some hundred bytes: kept in one piece it takes a sixth less memory, and is written and
 * freed sooner (the elder of two names for the same setting, which every version knows). The file is rewritten in the background while
 * messages flow: compressing it would take about as much processor time as the rest of that.
 */
const RECORDS_KEPT_CHEAPLY = ['hash-max-ziplist-value 4096', 'rdbcompression no'];

export interface Access {
  readonly port: number;
  readonly password: string;
}

/** Whether data must outlive the server: queues of a home do, those of a test run do not. */
export type Durability = 'durable' | 'throw-away';

/** The folder of an embedded Redis: its data, its configuration, how to reach it. Only for this user's eyes. */
export class RedisFolder {
  readonly path: string;

  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // As Redis itself will name it.
    this.path = realpathSync(path);
  }

  get configFile(): string {
    return join(this.path, 'redis.conf');
  }

  /** How the last server here was reached, undefined on the first start. */
  lastAccess(): Access | undefined {
    try {
      return JSON.parse(readFileSync(this.accessFile, 'utf8')) as Access;
    } catch {
      return undefined;
    }
  }

  /** The number of the process that last served this folder. */
  lastPid(): number | undefined {
    try {
      return Number.parseInt(readFileSync(this.pidFile, 'utf8'), 10) || undefined;
    } catch {
      return undefined;
    }
  }

  /** Written before the server starts, so that a server is never there without its password being known. */
  write(port: number, durability: Durability): Access {
    const access = { port, password: this.lastAccess()?.password ?? randomBytes(24).toString('hex') };
    writeFileSync(this.accessFile, JSON.stringify(access), { mode: 0o600 });
    writeFileSync(this.configFile, `${this.settings(access, durability).join('\n')}\n`, { mode: 0o600 });
    return access;
  }

  // In a file, not on the command line, where every user of the machine could read the password.
  private settings({ port, password }: Access, durability: Durability): string[] {
    return [
      'bind 127.0.0.1',
      `port ${port}`,
      'protected-mode yes',
      `requirepass ${password}`,
      `dir "${this.path}"`,
      `pidfile "${this.pidFile}"`,
      'daemonize no',
      // The queues: every accepted message is in the append-only file, and none is ever evicted.
      `appendonly ${durability === 'durable' ? 'yes' : 'no'}`,
      'appendfsync everysec',
      'maxmemory-policy noeviction',
      'save ""',
      ...RECORDS_KEPT_CHEAPLY,
    ];
  }

  private get accessFile(): string {
    return join(this.path, 'access.json');
  }

  private get pidFile(): string {
    return join(this.path, 'redis.pid');
  }
}
