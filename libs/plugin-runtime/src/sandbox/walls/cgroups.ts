import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../process/usage';

const FOLDER = 'conductor-plugins';

interface Place {
  readonly version: 1 | 2;
  /** Folder in which groups for memory are made; with version 2 they count processes as well. */
  readonly memory: string;
  readonly pids?: string | undefined;
}

/** One process and its descendants, with the memory and the number of threads that they may have together. */
export class Cgroup {
  constructor(
    /** A process that is written into `cgroup.procs` of each is a member, with all that it starts. */
    readonly folders: readonly string[],
    private readonly eventsFile: string,
  ) {}

  /** How often the kernel ended a process here because it wanted more memory than there is for it. */
  memoryKills(): number {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.eventsFile, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  members(): number[] {
    try {
      return readFileSync(join(this.folders[0]!, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  /** @returns whether it is gone; a group with members stays */
  remove(): boolean {
    let gone = true;
    for (const folder of this.folders) {
      try {
        rmdirSync(folder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') gone = false;
      }
    }
    return gone;
  }
}

/** The kernel's own limits for groups of processes, version 2 or 1, where this user may make such groups. */
export class Cgroups {
  private made = 0;

  private constructor(private readonly place: Place) {}

  /** Really makes a group with a limit, and removes it again. */
  static async find(shell: string | undefined): Promise<{ cgroups: Cgroups } | { reason: string }> {
    if (shell === undefined) return { reason: 'there is no shell to enter one' };
    const reasons: string[] = [];
    for (const place of await places()) {
      try {
        const cgroups = new Cgroups(place);
        cgroups.make('probe', 64, 16).remove();
        removeLeftovers(place);
        return { cgroups };
      } catch (error) {
        tidy(place);
        reasons.push(`version ${place.version} at ${place.memory}: ${(error as Error).message}`);
      }
    }
    return { reason: reasons.join('; ') || 'no cgroup file system is mounted' };
  }

  /** Removes the folder of all groups, unless another host has some in it. */
  close(): void {
    tidy(this.place);
  }

  /** @param threads most threads, of all its processes together */
  make(name: string, memoryMb: number, threads: number): Cgroup {
    const unique = `${name}-${process.pid}-${++this.made}`;
    const memory = join(this.place.memory, FOLDER, unique);
    const folders = [memory];
    mkdirSync(memory, { recursive: true });
    try {
      const bytes = String(memoryMb * 1_048_576);
      if (this.place.version === 2) {
        writeFileSync(join(memory, 'memory.max'), bytes);
        optional(() => writeFileSync(join(memory, 'memory.swap.max'), '0'));
        optional(() => writeFileSync(join(memory, 'pids.max'), String(threads)));
      } else {
        writeFileSync(join(memory, 'memory.limit_in_bytes'), bytes);
        const { pids } = this.place;
        if (pids !== undefined) {
          const folder = join(pids, FOLDER, unique);
          mkdirSync(folder, { recursive: true });
          folders.push(folder);
          writeFileSync(join(folder, 'pids.max'), String(threads));
        }
      }
    } catch (error) {
      new Cgroup(folders, '').remove();
      throw error;
    }
    return new Cgroup(folders, join(memory, this.place.version === 2 ? 'memory.events' : 'memory.oom_control'));
  }
}

const foldersIn = ({ memory, pids }: Place) => [memory, ...(pids === undefined ? [] : [pids])].map((each) => join(each, FOLDER));

const tidy = (place: Place) => foldersIn(place).forEach((folder) => optional(() => rmdirSync(folder)));

/** Groups of a host that was killed, whose processes died with it. Named `<platform>-<number of the host>-<count>`. */
const removeLeftovers = (place: Place) => {
  for (const folder of foldersIn(place)) {
    optional(() => {
      for (const name of readdirSync(folder)) {
        const owner = Number(/-(\d+)-\d+$/.exec(name)?.[1]);
        if (owner > 0 && !isAlive(owner)) optional(() => rmdirSync(join(folder, name)));
      }
    });
  }
};

const optional = (step: () => void) => {
  try {
    step();
  } catch {
    // This kernel, or this group's parent, does not offer it.
  }
};

/** Where groups may be possible, the more modern first. */
const places = async (): Promise<Place[]> => {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const own = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const mounted = (matches: (type: string, options: string[]) => boolean) =>
    mounts.split('\n').map((line) => line.split(' ')).find(([, , type = '', options = '']) => matches(type, options.split(',')))?.[1];
  const ownPath = (controller: string) => own.split('\n').map((line) => line.split(':')).find(([, names]) => (controller === '' ? names === '' : names?.split(',').includes(controller)))?.[2] ?? '/';
  const found: Place[] = [];

  const unified = mounted((type) => type === 'cgroup2');
  if (unified !== undefined) {
    const memory = join(unified, ownPath(''));
    // Groups of groups get controllers only when their parent hands them on; a parent with processes of its own may not.
    optional(() => mkdirSync(join(memory, FOLDER), { recursive: true }));
    optional(() => writeFileSync(join(memory, 'cgroup.subtree_control'), '+memory +pids'));
    optional(() => writeFileSync(join(memory, FOLDER, 'cgroup.subtree_control'), '+memory +pids'));
    found.push({ version: 2, memory });
  }
  const memory = mounted((type, options) => type === 'cgroup' && options.includes('memory'));
  const pids = mounted((type, options) => type === 'cgroup' && options.includes('pids'));
  if (memory !== undefined) found.push({ version: 1, memory: join(memory, ownPath('memory')), pids: pids && join(pids, ownPath('pids')) });
  return found;
};
