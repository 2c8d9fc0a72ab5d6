import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { killGroup } from '../process-facts';

/**
 * Starts a program that knows nothing of us and still must not outlive us, not even when we are killed -9. On Linux the
 * kernel sees to it (`setpriv --pdeathsig`); elsewhere a shell holds the other end of a pipe and acts when it closes.
 */
export const spawnMortal = (command: string, args: readonly string[], env: NodeJS.ProcessEnv, kernelHelps = kernelCan()): ChildProcess => {
  const options = { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
  if (kernelHelps) return spawn('setpriv', ['--pdeathsig', 'TERM', '--', command, ...args], options);
  const child = spawn(command, args, options);
  if (child.pid !== undefined) watch(child, child.pid);
  return child;
};

let known: boolean | undefined;
const kernelCan = (): boolean => (known ??= process.platform === 'linux' && String(spawnSync('setpriv', ['--help']).stdout).includes('--pdeathsig'));

const watch = (child: ChildProcess, pid: number): void => {
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill -TERM "$1"', 'sh', String(pid)], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watcher.on('error', () => undefined);
  watcher.unref();
  child.once('exit', () => killGroup(watcher.pid));
};
