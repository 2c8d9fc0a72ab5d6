import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RedisBinary, tried } from './redis-binary';
import type { Surroundings } from './surroundings';

const exec = promisify(execFile);

/** Homebrew installs into its own folder, which belongs to the user: no root needed, and no service is started. */
export const fetchWithHomebrew = async ({ say, signal, path }: Surroundings): Promise<RedisBinary> => {
  say('No Redis here: installing one with Homebrew (once, up to a minute) …');
  const brew = async (...args: string[]) => {
    const env = { ...process.env, PATH: path, HOMEBREW_NO_AUTO_UPDATE: '1', HOMEBREW_NO_INSTALL_CLEANUP: '1', HOMEBREW_NO_ENV_HINTS: '1' };
    return (await exec('brew', args, { timeout: 600_000, signal, maxBuffer: 32e6, env })).stdout.trim();
  };
  try {
    await brew('install', '--quiet', 'redis');
    return await tried(join(await brew('--prefix', 'redis'), 'bin', 'redis-server'));
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`brew: ${stderr?.split('\n').find((line) => line.startsWith('Error')) ?? message.split('\n')[0]}`, { cause: error });
  }
};
