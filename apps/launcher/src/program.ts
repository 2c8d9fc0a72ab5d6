import type { ChildProcess } from 'node:child_process';

/** Something that runs as a process of its own: one of our apps, or Redis. */
export interface Program {
  readonly name: string;
  /** Starts it, as the leader of a process group of its own. */
  spawn(): ChildProcess;
  /** Resolves with the URL of its door once it can do its work; rejects when the signal is aborted. */
  untilReady(child: ChildProcess, signal: AbortSignal): Promise<string>;
}
