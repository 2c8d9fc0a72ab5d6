import { type ChildProcess, spawn } from 'node:child_process';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './apps';
import type { News, Program } from './program';

const NODE_FLAGS = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
/** A small young generation: some 40 MB less resident at work, for collections that are more frequent. Messages would pay with a tenth of their speed. */
const SMALL = ['--max-semi-space-size=2'];

/** What an app says over IPC (`runApp`, `runPlatformApp`); `alive` is the answer to `alive?`. */
type Said = { type: 'alive' } | { type: 'listening'; url: string; suspended?: string } | { type: 'waking' } | { type: 'leaving'; reason: string };

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
    return spawn(process.execPath, [...NODE_FLAGS, ...(this.app.carriesMessages ? [] : SMALL), this.app.entry], {
      env: this.env,
      // A group of its own: the terminal's Ctrl-C reaches the launcher only, which then stops everything in order.
      detached: true,
      // When the launcher dies, however it does, the channel closes and the app drains and ends by itself.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
  }

  ask(child: ChildProcess): void {
    // A channel that is closed belongs to a process that ends already.
    if (child.connected) child.send({ type: 'alive?' }, () => undefined);
  }

  async follow(child: ChildProcess, signal: AbortSignal, news: News): Promise<void> {
    // Its door may move: a thin shell has one of its own.
    let door = new AbortController();
    child.on('message', (said: Said | null) => {
      news.answered();
      if (said?.type === 'leaving') news.leaving(said.reason);
      if (said?.type !== 'listening' && said?.type !== 'waking') return;
      door.abort();
      door = new AbortController();
      if (said.type === 'waking') return news.waking();
      const url = said.url.replace(/\/$/, '');
      // Rejects only when it is gone or has moved on.
      this.untilReady(url, AbortSignal.any([signal, door.signal])).then(() => news.up(url, said.suspended), () => undefined);
    });
  }

  private async untilReady(url: string, signal: AbortSignal): Promise<void> {
    while (!(await answersOk(`${url}/health/ready`))) await sleep(this.readyPollMs, undefined, { signal });
    signal.throwIfAborted();
  }
}

const answersOk = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(url, { timeout: 2_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
