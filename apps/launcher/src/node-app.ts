import { type ChildProcess, spawn } from 'node:child_process';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './apps';
import type { News, Program } from './program';

const NODE_FLAGS = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
/** A small young generation: some 40 MB less resident at work, for collections that are more frequent. Messages would pay with a tenth of their speed. */
const SMALL = ['--max-semi-space-size=2'];

/** How often an app that said that waiting will not help is asked again. */
const LATER_POLL_MS = 1_000;

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
      this.untilReady(url, AbortSignal.any([signal, door.signal]), news).then(() => news.up(url, said.suspended), () => undefined);
    });
  }

  private async untilReady(url: string, signal: AbortSignal, news: News): Promise<void> {
    let told: string | undefined;
    for (;;) {
      const { ready, over } = await readinessOf(`${url}/health/ready`);
      signal.throwIfAborted();
      if (ready) return;
      if (over !== undefined && over !== told) {
        told = over;
        news.notReady(url, over);
      }
      await sleep(told === undefined ? this.readyPollMs : LATER_POLL_MS, undefined, { signal });
    }
  }
}

interface Readiness {
  ready: boolean;
  /** Why waiting will not help, where the app says so. */
  over?: string | undefined;
}

const readinessOf = (url: string): Promise<Readiness> =>
  new Promise((resolve) => {
    const request = get(url, { timeout: 2_000, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ ready: response.statusCode === 200, over: response.statusCode === 503 ? overIn(body) : undefined }));
      response.on('error', () => resolve({ ready: false }));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve({ ready: false }));
  });

/** The reason of a probe whose start is over (`Finding` of `libs/http`), in what Terminus answers. */
const overIn = (body: string): string | undefined => {
  try {
    const { error } = JSON.parse(body) as { error?: Record<string, { isOver?: boolean; message?: string }> };
    return Object.values(error ?? {}).find(({ isOver }) => isOver)?.message;
  } catch {
    return undefined;
  }
};
