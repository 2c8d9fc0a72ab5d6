import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Started {
  child: ChildProcess;
  url: string;
  stop(): Promise<void>;
}

/** Starts a built script as a process of its own and waits until it says that it listens. */
export const start = (script: string, args: string[], env: Record<string, string>, flags: string[] = []): Promise<Started> =>
  new Promise((resolve, reject) => {
    const { NODE_OPTIONS: _, ...own } = process.env;
    const child = fork(script, args, { env: { ...own, ...env }, execArgv: ['--disable-warning=ExperimentalWarning', ...flags] });
    const stop = () =>
      new Promise<void>((done) => {
        child.once('exit', () => done());
        child.kill('SIGTERM');
      });
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it listened`)));
    child.once('message', (message) => resolve({ child, url: (message as { url: string }).url, stop }));
  });

/** Resident memory of a process in MB: all of it, and the part that it shares with no file. */
export const memoryOf = (pid: number): { rssMb: number; privateMb: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { rssMb: Math.round(kb('VmRSS') / 1_024), privateMb: Math.round(kb('RssAnon') / 1_024) };
};
