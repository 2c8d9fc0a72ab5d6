import { type ChildProcess, spawn } from 'node:child_process';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './apps';
import type { Program } from './program';

const NODE_FLAGS = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
/** A small young generation: 30 MB less resident in each app, for collections that are a little more frequent. */
const SMALL = ['--max-semi-space-size=2'];

/** One of our apps: says over IPC where its door is, and at its door whether it is ready. */
export class NodeApp implements Program {
  readonly name: string;

  constructor(
    private readonly app: App,
    private readonly env: NodeJS.ProcessEnv,
    private readonly readyPollMs: number,
  ) {
    this.name = app.name;
  }

  spawn(): ChildProcess {
    return spawn(process.execPath, [...NODE_FLAGS, ...(this.app.busy ? [] : SMALL), this.app.entry], {
      env: this.env,
      // A group of its own: the terminal's Ctrl-C reaches the launcher only, which then stops everything in order.
      detached: true,
      // When the launcher dies, however it does, the channel closes and the app drains and ends by itself.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
  }

  async untilReady(child: ChildProcess, signal: AbortSignal): Promise<string> {
    const url = await doorOf(child, signal);
    while (!(await answersOk(`${url}/health/ready`))) await sleep(this.readyPollMs, undefined, { signal });
    return url;
  }
}

const doorOf = (child: ChildProcess, signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    child.on('message', (message: { type?: unknown; url?: unknown } | null) => {
      if (message?.type === 'listening' && typeof message.url === 'string') resolve(message.url.replace(/\/$/, ''));
    });
  });

const answersOk = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(url, { timeout: 2_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
