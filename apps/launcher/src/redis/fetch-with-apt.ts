import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RedisBinary, tried } from './redis-binary';
import type { Surroundings } from './surroundings';

const exec = promisify(execFile);

const TIMEOUT_MS = 180_000;

/**
 * Fetches the system's own redis-server package, as any user and without touching the system: apt-get keeps its lists
 * and packages in folders of ours and takes no lock, and dpkg only unpacks.
 */
export const fetchWithApt = async ({ runtimeDir, say, signal, path }: Surroundings): Promise<RedisBinary> => {
  say('No Redis here: fetching one with apt-get into the project (once, some seconds) …');
  mkdirSync(runtimeDir, { recursive: true });
  const work = mkdtempSync(join(runtimeDir, 'apt-'));
  try {
    const run = (command: string, args: string[]) =>
      exec(command, args, { timeout: TIMEOUT_MS, signal, maxBuffer: 32e6, env: { ...process.env, PATH: path, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', HOME: work } });
    const apt = (...args: string[]) => run('apt-get', ['-qq', ...privateFolders(work), ...args]);
    await apt('update');
    await apt('install', '-y', '--no-install-recommends', '--download-only', 'redis-server');
    const archives = join(work, 'archives');
    const packages = readdirSync(archives).filter((file) => file.endsWith('.deb'));
    if (packages.length === 0) throw new Error('apt-get fetched nothing; is redis-server installed already, but not on the PATH?');
    for (const file of packages) await run('dpkg', ['-x', join(archives, file), join(work, 'root')]);
    return await moveIntoPlace(join(work, 'root'), join(runtimeDir, 'redis'));
  } catch (error) {
    throw new Error(`apt-get: ${essence(error as Error & { stderr?: string })}`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** The program in a folder of unpacked packages, and the variable that lets it find the libraries unpacked beside it. */
export const unpackedBinary = (root: string): { command: string; env: NodeJS.ProcessEnv } => {
  const libraries = [join(root, 'usr', 'lib'), join(root, 'lib')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).filter((name) => name.includes('-linux-')).map((name) => join(folder, name)));
  return { command: join(root, 'usr', 'bin', 'redis-server'), env: { LD_LIBRARY_PATH: libraries.join(':') } };
};

const privateFolders = (work: string): string[] => {
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(work, 'archives', 'partial'), { recursive: true });
  return [
    `Dir::State::lists=${work}/lists`,
    `Dir::Cache=${work}`,
    `Dir::Cache::archives=${work}/archives`,
    `Dir::Log=${work}`,
    'Debug::NoLocking=1',
    // Root would else drop to a user that may not enter our folder.
    'APT::Sandbox::User=root',
    'APT::Keep-Downloaded-Packages=true',
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    'Acquire::http::Timeout=20',
    'Acquire::https::Timeout=20',
  ].flatMap((option) => ['-o', option]);
};

/** Tried first, moved then: a half unpacked one is never found. If another start was faster, its one is as good. */
const moveIntoPlace = async (root: string, target: string): Promise<RedisBinary> => {
  const fresh = unpackedBinary(root);
  await tried(fresh.command, fresh.env);
  try {
    renameSync(root, target);
  } catch {
    const { command, env } = unpackedBinary(target);
    const theirs = await tried(command, env).catch(() => undefined);
    if (theirs) return theirs;
    rmSync(target, { recursive: true, force: true });
    renameSync(root, target);
  }
  const { command, env } = unpackedBinary(target);
  return tried(command, env);
};

const essence = (error: Error & { stderr?: string }): string =>
  (error.stderr ?? '')
    .split('\n')
    .filter((line) => /^E: /.test(line))
    .slice(0, 3)
    .join('\n') || error.message.split('\n')[0] || 'failed';
