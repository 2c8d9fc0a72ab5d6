import { join } from 'node:path';
import { CannotStart } from '../cannot-start';
import { fetchWithApt, unpackedBinary } from './fetch-with-apt';
import { fetchWithHomebrew } from './fetch-with-homebrew';
import { onPath, type RedisBinary, tried } from './redis-binary';
import type { Surroundings } from './surroundings';

const STILL_FETCHING_MS = 5_000;

/**
 * A Redis server for this machine: one that is installed, else one fetched earlier, else one fetched now without root
 * through the system's own package manager.
 * @throws CannotStart naming what was tried and the three ways out.
 */
export const findRedis = async (around: Surroundings): Promise<RedisBinary> => {
  const obstacles: string[] = [];
  for (const attempt of [installed, fetchedEarlier, fetchedNow]) {
    try {
      return await attempt(around);
    } catch (error) {
      if (around.signal?.aborted) throw error;
      obstacles.push((error as Error).message);
    }
  }
  throw new CannotStart(
    [
      'There is no Redis on this machine, and none could be fetched:',
      ...obstacles.filter((line) => line !== '').map((line) => `  - ${line.replaceAll('\n', '\n    ')}`),
      'Three ways out:',
      '  1. install one:          sudo apt-get install redis-server     (macOS: brew install redis)',
      '  2. use one that you have: REDIS_URL=redis://host:6379 npm start',
      '  3. run everything in containers: docker compose -f docker/compose.yaml up',
    ].join('\n'),
  );
};

const installed = async ({ path }: Surroundings): Promise<RedisBinary> => {
  const obstacles: string[] = [];
  for (const program of ['redis-server', 'valkey-server']) {
    const command = onPath(program, path);
    if (command === undefined) continue;
    try {
      return await tried(command);
    } catch (error) {
      obstacles.push((error as Error).message);
    }
  }
  throw new Error(obstacles.join('\n') || 'no redis-server or valkey-server on the PATH');
};

const fetchedEarlier = async ({ runtimeDir }: Surroundings): Promise<RedisBinary> => {
  const { command, env } = unpackedBinary(join(runtimeDir, 'redis'));
  return tried(command, env).catch(() => {
    throw new Error('');
  });
};

const fetchedNow = (around: Surroundings): Promise<RedisBinary> => {
  if (onPath('apt-get', around.path) && onPath('dpkg', around.path)) return whileSaying(around, () => fetchWithApt(around));
  if (onPath('brew', around.path)) return whileSaying(around, () => fetchWithHomebrew(around));
  throw new Error('neither apt-get (Debian, Ubuntu) nor Homebrew (macOS) is here to fetch one with');
};

/** A person who waits for a download wants to know that it is still one. */
const whileSaying = async <T>({ say }: Surroundings, work: () => Promise<T>): Promise<T> => {
  const startedAt = Date.now();
  const signs = setInterval(() => say(`  still fetching: ${Math.round((Date.now() - startedAt) / 1_000)} s`), STILL_FETCHING_MS);
  try {
    return await work();
  } finally {
    clearInterval(signs);
  }
};
