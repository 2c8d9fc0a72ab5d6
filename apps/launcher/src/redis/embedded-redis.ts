import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, isFree } from '../ports';
import type { News, Program } from '../program';
import { askRedis } from './ask-redis';
import { spawnMortal } from './dies-with-parent';
import type { RedisBinary } from './redis-binary';
import type { Access, Durability, RedisFolder } from './redis-folder';
import { repairAof, saysDamaged } from './repair-aof';
import { stopPrevious } from './stop-previous';

const HOST = '127.0.0.1';
const KEPT_OUTPUT = 8_192;

/** A Redis server of our own, on a loopback port of its own, with a password. */
export class EmbeddedRedis implements Program {
  readonly name = 'redis';
  private news: News | undefined;
  /** What the latest process wrote, as far as it may say why it did not start. */
  private output = '';

  private constructor(
    readonly binary: RedisBinary,
    private readonly folder: RedisFolder,
    private readonly access: Access,
    private readonly say: (text: string) => void,
  ) {}

  /** Sees to it that nobody else serves this folder, and settles port and password. */
  static async on(folder: RedisFolder, binary: RedisBinary, durability: Durability = 'durable', say: (text: string) => void = () => {}): Promise<EmbeddedRedis> {
    await stopPrevious(folder);
    const last = folder.lastAccess()?.port;
    const port = last !== undefined && (await isFree(HOST, last)) ? last : await freePort(HOST);
    return new EmbeddedRedis(binary, folder, folder.write(port, durability), say);
  }

  get url(): string {
    return `redis://:${this.access.password}@${HOST}:${this.access.port}`;
  }

  /** Without the password: for tables and logs. */
  get door(): string {
    return `${HOST}:${this.access.port}`;
  }

  spawn(): ChildProcess {
    if (saysDamaged(this.output)) this.say(repairAof(this.folder.path, this.binary));
    this.output = '';
    const child = spawnMortal(this.binary.command, [this.folder.configFile], { ...process.env, NODE_OPTIONS: undefined, ...this.binary.env });
    child.stdout?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString('latin1')).slice(-KEPT_OUTPUT)));
    return child;
  }

  ask(): void {
    // One that still reads its file says so, which is an answer.
    void askRedis(this.access.port, this.access.password, ['PING']).then((answer) => answer !== '' && this.news?.answered());
  }

  async follow(child: ChildProcess, signal: AbortSignal, news: News): Promise<void> {
    this.news = news;
    news.up(await this.untilReady(child, signal));
  }

  /** After a crash it reads its file first, which may take a while; no time-out then. */
  async untilReady(_child: ChildProcess, signal: AbortSignal): Promise<string> {
    while (!(await askRedis(this.access.port, this.access.password, ['PING'])).includes('+PONG')) await sleep(10, undefined, { signal });
    return this.door;
  }
}
