import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RedisBinary } from './redis-binary';

/** What Redis says of an append-only file whose end it cannot read, as after a power cut. One that is merely cut short it mends by itself. */
const DAMAGED = /Bad file format reading the append only file/i;

export const saysDamaged = (output: string): boolean => DAMAGED.test(output);

/**
 * Cuts the unreadable end off the append-only file with Redis' own tool, which is the server under another name, and keeps a copy of what was there.
 * @param path the folder of the embedded Redis
 * @returns for a person, what was done, or why it could not be
 */
export const repairAof = (path: string, { command, env }: RedisBinary): string => {
  const folder = join(path, 'appendonlydir');
  try {
    const manifest = readdirSync(folder).find((file) => file.endsWith('.manifest'));
    if (manifest === undefined) return `The append-only file in ${folder} is damaged, and has no manifest by which it could be mended.`;
    const copy = `${folder}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    cpSync(folder, copy, { recursive: true });
    const { status, stdout, stderr, error } = spawnSync(command, ['--fix', join(folder, manifest)], { argv0: 'redis-check-aof', input: 'y\n', env: { ...process.env, ...env }, encoding: 'utf8' });
    if (status === 0) return `The end of the append-only file of Redis could not be read, as after a power cut. It was cut off; what was there before lies in ${copy} and may be deleted when nothing is missing.`;
    return `The append-only file of Redis is damaged and could not be mended: ${(error?.message ?? `${stdout}${stderr}`).trim().split('\n').at(-1) ?? ''}. A copy lies in ${copy}.`;
  } catch (error) {
    return `The append-only file of Redis is damaged, and could not be mended: ${(error as Error).message}.`;
  }
};
