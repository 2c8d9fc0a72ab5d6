import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The memory limit that this process lives under, and what counts against it. */
export interface CgroupMemory {
  readonly version: 1 | 2;
  readonly limitMb: number;
  /** Without what the kernel would give back at once (inactive file cache, reclaimable slab): the working set, nearly as Kubernetes counts it. */
  readonly usedMb: number;
  /** Share of the last 10 s in which all work in there waited for memory, in percent; version 2 only. */
  readonly pressurePercent?: number;
}

/** Limits from here on mean "none". */
const NO_LIMIT_BYTES = 2 ** 60;
const MB = 1_048_576;

const FILES = {
  1: { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', reclaimable: /^(?:total_inactive_file|slab_reclaimable) (\d+)$/gm },
  2: { limit: 'memory.max', usage: 'memory.current', reclaimable: /^(?:inactive_file|slab_reclaimable) (\d+)$/gm },
} as const;

/**
 * Reads the tightest limit on the way from this process' group up to the root; a container's limit may be set on any of them.
 * No library gives it: Node tells the limit alone, and counts file cache as used.
 * @param root of the file system, for tests
 * @returns undefined where there is no limit, or no cgroup at all
 */
export const readCgroupMemory = async (root = '/'): Promise<CgroupMemory | undefined> => {
  const [groups, mounts] = await Promise.all([read(root, 'proc/self/cgroup'), read(root, 'proc/self/mountinfo')]);
  const found = await Promise.all([tightest(root, 2, groupOf(groups, /^0::(.*)$/m), mountOf(mounts, / - cgroup2 /)), tightest(root, 1, groupOf(groups, /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m), mountOf(mounts, / - cgroup .*[ ,]memory/))]);
  return found.filter((memory) => memory !== undefined).sort((a, b) => a.limitMb - b.limitMb)[0];
};

/** PSI of the whole machine: share of the last 10 s in which all work waited for memory, in percent. */
export const readPressure = async (root = '/'): Promise<number | undefined> => pressureIn(await read(root, 'proc/pressure/memory'));

const tightest = async (root: string, version: 1 | 2, group: string | undefined, mount: string | undefined): Promise<CgroupMemory | undefined> => {
  if (group === undefined || mount === undefined) return undefined;
  let best: CgroupMemory | undefined;
  for (let path = group; ; path = dirname(path)) {
    const here = await memoryIn(root, version, join(mount, path));
    if (here && (!best || here.limitMb < best.limitMb)) best = here;
    if (path === dirname(path)) return best;
  }
};

const memoryIn = async (root: string, version: 1 | 2, folder: string): Promise<CgroupMemory | undefined> => {
  const files = FILES[version];
  const [limit, usage, stat, pressure] = await Promise.all([files.limit, files.usage, 'memory.stat', 'memory.pressure'].map((file) => read(root, join(folder, file))));
  const bytes = Number(limit?.trim() || NaN);
  const used = Number(usage?.trim() || NaN);
  if (!Number.isFinite(bytes) || bytes >= NO_LIMIT_BYTES || !Number.isFinite(used)) return undefined;
  const reclaimable = [...(stat ?? '').matchAll(files.reclaimable)].reduce((sum, [, amount]) => sum + Number(amount), 0);
  const pressurePercent = pressureIn(pressure);
  return { version, limitMb: bytes / MB, usedMb: Math.max(0, used - reclaimable) / MB, ...(pressurePercent !== undefined && { pressurePercent }) };
};

const pressureIn = (text: string | undefined): number | undefined => {
  const percent = /^full avg10=([\d.]+)/m.exec(text ?? '')?.[1];
  return percent === undefined ? undefined : Number(percent);
};

const groupOf = (groups: string | undefined, line: RegExp): string | undefined => line.exec(groups ?? '')?.[1];

/** Inside a container the group's own path may not be there; then the mount itself is the group, found on the way up. */
const mountOf = (mounts: string | undefined, type: RegExp): string | undefined =>
  mounts?.split('\n').find((line) => type.test(line))?.split(' ')[4];

const read = (root: string, path: string): Promise<string | undefined> => readFile(join(root, path), 'utf8').catch(() => undefined);
