import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** A Redis server that was tried and runs here. */
export interface RedisBinary {
  readonly command: string;
  /** Additions to the environment it needs to run. */
  readonly env: NodeJS.ProcessEnv;
  /** For a person, e.g. `Redis 7.0.15`. */
  readonly version: string;
}

/** The oldest one the queues work with. */
const OLDEST_MAJOR = 6;

/** Where a program lies on a search path, undefined if nowhere. */
export const onPath = (program: string, path: string): string | undefined =>
  path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** Runs it once: a file of that name may be for another machine, lack its libraries, or be too old. Rejects with the reason. */
export const tried = async (command: string, env: NodeJS.ProcessEnv = {}): Promise<RedisBinary> => {
  const { stdout } = await exec(command, ['--version'], { env: { ...process.env, ...env }, timeout: 10_000 });
  const [, kind = 'Redis', version = '0'] = /(Redis|Valkey)\D*v=([\d.]+)/i.exec(stdout) ?? [];
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) throw new Error(`${command} is ${kind} ${version}; ${OLDEST_MAJOR} is the oldest that works`);
  return { command, env, version: `${kind} ${version}` };
};
