import { readdir, readFile } from 'node:fs/promises';
import pidusage from 'pidusage';

/** Resident memory and processor time of some processes, each with all that it started. */
export interface ProcessUse {
  readonly rssMb: number;
  /** Of one core. */
  readonly cpuPercent: number;
}

const MB = 1_048_576;

/** Processes at one moment, with all that they started. */
export interface ProcessTree {
  /** What one and all below it use; undefined when it is gone. */
  of(pid: number): ProcessUse | undefined;
  /** Resident memory of some and all below them, each process counted once; undefined when nothing could be read. */
  totalMb(pids: readonly number[]): number | undefined;
}

export const readProcessTree = async (pids: readonly number[]): Promise<ProcessTree> => {
  const children = await readChildren();
  const families = new Map([...new Set(pids)].map((pid) => [pid, familyOf(pid, children)]));
  const all = [...new Set([...families.values()].flat())];
  // With none of them left pidusage rejects; one that is gone among others is left out.
  const uses: Record<string, { memory: number; cpu: number } | undefined> = all.length === 0 ? {} : await pidusage(all).catch(() => ({}));
  const sum = (family: readonly number[], of: (use: { memory: number; cpu: number }) => number) => family.reduce((total, member) => total + (uses[member] ? of(uses[member]) : 0), 0);
  return {
    of: (pid) => (uses[pid] ? { rssMb: sum(families.get(pid) ?? [], ({ memory }) => memory) / MB, cpuPercent: sum(families.get(pid) ?? [], ({ cpu }) => cpu) } : undefined),
    totalMb: (some) => sum([...new Set(some.flatMap((pid) => families.get(pid) ?? []))], ({ memory }) => memory) / MB || undefined,
  };
};

const familyOf = (pid: number, children: ReadonlyMap<number, number[]>, seen = new Set<number>()): number[] => {
  if (seen.has(pid)) return [];
  seen.add(pid);
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => familyOf(child, children, seen))];
};

/** Who started whom. Only Linux tells without a process of its own for the question; elsewhere nobody has children. */
const readChildren = async (): Promise<Map<number, number[]>> => {
  const children = new Map<number, number[]>();
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // The name, in brackets, may hold anything.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(pid)]);
    }),
  );
  return children;
};
