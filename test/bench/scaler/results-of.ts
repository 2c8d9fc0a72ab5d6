import { fork } from 'node:child_process';
import type { Result } from '../support/report';

/** Runs a program that sends its results and ends. */
export const resultsOf = (script: string, args: string[]): Promise<Result[]> =>
  new Promise((resolve, reject) => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = fork(script, args, { env });
    let results: Result[] | undefined;
    child.on('message', (message) => (results = message as Result[]));
    child.once('error', reject);
    child.once('exit', (code) => (results ? resolve(results) : reject(new Error(`${script} ended with ${code} and no results`))));
  });
