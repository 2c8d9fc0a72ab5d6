import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';

/** What keeps a process alive until somebody closes it, by the name Node gives it, and the name people know. */
const KINDS: Record<string, string> = {
  Timeout: 'a timer',
  TCPWRAP: 'a socket',
  TCPSERVERWRAP: 'a server',
  PIPEWRAP: 'a pipe',
  PIPESERVERWRAP: 'a server',
  UDPWRAP: 'a UDP socket',
  FSEVENTWRAP: 'a file watcher',
  STATWATCHER: 'a file watcher',
  PROCESSWRAP: 'a child process',
  WORKER: 'a worker thread',
};

interface Handle {
  kind: string;
  madeAt: string;
  resource: { hasRef?: () => boolean };
}

const UNKNOWN = 'an unknown place';

/** Knows the timers, sockets and the like that one piece of work opened, whoever else works in the same process. */
export class OpenHandles {
  private readonly handles = new Map<number, Handle>();
  private readonly ours = new AsyncLocalStorage<boolean>();
  private readonly hook = createHook({
    init: (id, type, _, resource) => {
      const kind = KINDS[type];
      if (kind !== undefined && this.ours.getStore()) this.handles.set(id, { kind, madeAt: placeOf(new Error().stack), resource });
    },
    destroy: (id) => void this.handles.delete(id),
  });

  /** Runs the work; what it opens is ours from now on. */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    this.hook.enable();
    return this.ours.run(true, work);
  }

  /** What is open and would keep the process alive, as "a timer, made at /…/bot.ts:12:5". */
  list(): string[] {
    return [...this.handles.values()].filter(({ resource }) => resource.hasRef?.() ?? true).map(({ kind, madeAt }) => `${kind}, made at ${madeAt}`);
  }

  close() {
    this.hook.disable();
    this.handles.clear();
  }
}

/** The innermost place that is neither Node's own nor of this file. */
const placeOf = (stack = ''): string => {
  const line = stack.split('\n').slice(1).find((at) => !at.includes('node:') && !at.includes(__filename) && /:\d+:\d+/.test(at));
  const place = line?.match(/\(?((?:file:\/\/)?\/[^()]*:\d+:\d+)\)?$/)?.[1];
  if (place === undefined) return UNKNOWN;
  return place.startsWith('file://') ? place.replace(/^file:\/\/[^:]*/, (url) => fileURLToPath(url)) : place;
};
