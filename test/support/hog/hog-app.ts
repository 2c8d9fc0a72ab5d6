import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Answer, textOf } from '@conductor/contracts';
import { runApp } from '@conductor/http';
import { PlatformHost, type PlatformPlugin } from '@conductor/platform-kit';

const [, , name = '', megabytes = '0'] = process.argv;
const STEP = 10 * 1_048_576;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Holds memory for real: every page of it is written to. A message like `120` makes it hold 120 MB from then on. */
class Hog implements PlatformPlugin {
  private readonly held: Buffer[] = [];
  private wanted = 0;
  private growing = false;

  async initialize(): Promise<void> {
    this.hold(Number(megabytes));
  }

  async healthCheck() {
    return { status: 'ok' as const };
  }

  async handleRequest({ content }: { content: unknown }): Promise<Answer> {
    const wanted = textOf(content as string);
    if (/^\d+$/.test(wanted)) this.hold(Number(wanted));
    return { text: `${name} holds ${this.held.length * 10} MB, and ${this.wanted * 10} MB soon` };
  }

  async shutdown(): Promise<void> {
    this.hold(0);
  }

  private hold(mb: number): void {
    this.wanted = Math.round(mb / 10);
    if (this.held.length > this.wanted) {
      this.held.length = this.wanted;
      collect();
    }
    if (!this.growing) void this.grow();
  }

  /** Block by block, so that it goes on answering on a machine that has much else to do. */
  private async grow(): Promise<void> {
    this.growing = true;
    while (this.held.length < this.wanted) {
      this.held.push(Buffer.alloc(STEP, this.held.length + 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    this.growing = false;
  }
}

class HogModule {}

void runApp(
  'stubs',
  async (context) => {
    await PlatformHost.open(context, [{ name, config: {}, create: () => new Hog(), repeatable: true }]);
    return { module: HogModule };
  },
  { mayLeave: true },
);
