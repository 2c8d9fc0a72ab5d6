import { closeSync, openSync, readSync } from 'node:fs';

/** Lists of the doors that are open in a network namespace, and what a line of such a door has. */
const LISTS = [
  { name: 'tcp', isDoor: (fields: string[]) => fields[3] === '0A', place: 1 },
  { name: 'tcp6', isDoor: (fields: string[]) => fields[3] === '0A', place: 1 },
  { name: 'udp', isDoor: () => true, place: 1 },
  { name: 'udp6', isDoor: () => true, place: 1 },
  // Flags: it accepts connections.
  { name: 'unix', isDoor: (fields: string[]) => fields[3] === '00010000', place: 7 },
] as const;
const MOST_BYTES = 65_536;
const MOST_DOORS = 50;

/**
 * What the kernel shows of the network namespace of one process. Code of ours in the process refuses connections and doors before the
 * kernel hears of them; what the kernel counts all the same has come past that code. The files stay open, so that they can be read when
 * the process has ended.
 */
export class NetworkSight {
  private readonly bytes = Buffer.alloc(MOST_BYTES);
  private readonly seen = new Set<string>();
  private sent = 0;

  private constructor(private readonly files: Map<string, number>) {}

  /** @param pid of a process in a network namespace of its own */
  static of(pid: number): NetworkSight {
    const files = new Map<string, number>();
    for (const name of ['snmp', ...LISTS.map((list) => list.name)]) {
      try {
        files.set(name, openSync(`/proc/${pid}/net/${name}`, 'r'));
      } catch {
        // A kernel without IPv6, or without /proc.
      }
    }
    return new NetworkSight(files);
  }

  /** @returns what is new since the look before, for a person */
  look(): string[] {
    const sent = noRoutes(this.read('snmp'));
    const news = sent > this.sent ? ['past our code, and there was no way out of its network namespace'] : [];
    this.sent = sent;
    for (const { name, isDoor, place } of LISTS) {
      for (const line of this.read(name).split('\n').slice(1)) {
        const fields = line.trim().split(/\s+/);
        const door = `past our code, and only in its network namespace: a door at ${name} ${fields[place] ?? ''}`;
        if (fields.length < 4 || !isDoor(fields) || this.seen.has(door) || this.seen.size >= MOST_DOORS) continue;
        this.seen.add(door);
        news.push(door);
      }
    }
    return news;
  }

  close(): void {
    for (const fd of this.files.values()) closeSync(fd);
    this.files.clear();
  }

  private read(name: string): string {
    const fd = this.files.get(name);
    if (fd === undefined) return '';
    try {
      return this.bytes.toString('latin1', 0, readSync(fd, this.bytes, 0, MOST_BYTES, 0));
    } catch {
      return '';
    }
  }
}

/** Connections and datagrams for which the kernel knew no way, since the namespace was made. */
const noRoutes = (snmp: string): number => {
  const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Ip:')).map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('OutNoRoutes') ?? -1] ?? 0);
};
