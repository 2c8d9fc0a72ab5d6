import type { ChildProcess } from 'node:child_process';

/** What becomes of a process, as far as it can be seen from outside. */
export interface News {
  /** It can do its work; its door is at `url`. `suspended`: there is none, and it waits as a thin shell; why. */
  up(url: string, suspended?: string): void;
  /** It listens at `url` and says that it cannot do its work, and that waiting will not help; why. It may be up later all the same. */
  notReady(url: string, reason: string): void;
  /** A thin shell loads what it had not loaded. */
  waking(): void;
  /** It has answered `ask`, or said anything else: it turns. */
  answered(): void;
  /** It is about to end with code 0, of its own choice. */
  leaving(reason: string): void;
}

/** Something that runs as a process of its own: one of our apps, or Redis. */
export interface Program {
  readonly name: string;
  /** Starts it, as the leader of a process group of its own. */
  spawn(): ChildProcess;
  /** Asks it whether it still turns; its answer is news. */
  ask(child: ChildProcess): void;
  /** Tells what becomes of it, until the signal is aborted. Rejects when that cannot be known. */
  follow(child: ChildProcess, signal: AbortSignal, news: News): Promise<void>;
}
