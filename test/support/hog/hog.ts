import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TypeScriptChild } from '@conductor/testing';
import type { System } from '../system';

/** A platform that takes memory for real, in a process that is started again whenever it ends, as a container engine would. */
export class Hog {
  private child: TypeScriptChild | undefined;
  private ended = false;
  private readonly home = mkdtempSync(join(tmpdir(), 'hog-'));
  private readonly running: Promise<void>;

  /** @param megabytes it takes from the start, beside its process */
  constructor(
    private readonly system: System,
    readonly name: string,
    megabytes: number,
  ) {
    this.running = this.supervise(megabytes);
  }

  /** Makes it hold so much; it takes a moment. */
  async hold(megabytes: number): Promise<void> {
    const { status, body } = await this.system.send({ target: this.name, content: String(megabytes), deadlineMs: 15_000 });
    if (status !== 200) throw new Error(`${this.name} does not take ${megabytes} MB: ${JSON.stringify(body)}`);
  }

  get output(): string {
    return this.child?.output ?? '';
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.child?.kill('SIGTERM');
    await this.running;
    rmSync(this.home, { recursive: true, force: true });
  }

  private async supervise(megabytes: number): Promise<void> {
    const { redisUrl } = this.system.run;
    while (!this.ended) {
      const child = TypeScriptChild.start(join(__dirname, 'hog.main.ts'), { REDIS_URL: redisUrl, CONDUCTOR_HOME: this.home, STUBS_PORT: '0', LOG_LEVEL: 'info' }, [this.name, String(megabytes)]);
      this.child = child;
      await child.exit;
    }
  }
}
