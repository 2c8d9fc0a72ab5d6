import { spawn } from 'node:child_process';
import { ROOT } from './project.mjs';

/** A person pressed Ctrl-C, or we were told to end: nothing further is started, what is running is cleaned up. */
export class Interrupted extends Error {
  exitCode = 130;
}

/**
 * Runs a program to its end: `{ code, output }`. With `quiet` its output is kept instead of shown.
 * Children get our environment without NODE_OPTIONS, which `npm run` sets for the sake of the tests only.
 */
export const run = (command, args, { env = {}, quiet = false } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      child.kill('SIGTERM');
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    const settle = (then) => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      if (interrupted) reject(new Interrupted());
      else then();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (code, signal) => settle(() => resolve({ code: signal ? 1 : code, output })));
  });
