import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { until } from '@conductor/testing';
import { Redis } from 'ioredis';

/** What a process holds, as the kernel, Redis and the process itself count it. */
export interface Footprint {
  processes: number;
  descriptors: number;
  /** Sockets that wait for callers. */
  listening: number;
  /** Callbacks on what lives as long as the process: itself, its output, its Redis connections. */
  listeners: number;
  redisConnections: number;
  rssMb: number;
}

export interface Counted {
  pid: number;
  /** Of its door. */
  url: string;
  redisUrl: string;
}

/** Of a process and everything below it. */
export const footprintOf = async ({ pid, url, redisUrl }: Counted): Promise<Footprint> => {
  // Asked for first: what the question itself opens is closed again, or kept alive for the next one in every case.
  const listeners = await listenersOf(url);
  const connections = await redisConnections(redisUrl);
  return {
    processes: 1 + descendants(pid).length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    listening: listeningOf(pid),
    listeners,
    redisConnections: connections,
    rssMb: rssOf(pid),
  };
};

/** Connections that are kept alive for another question are closed after 5 s without one. */
const STILL_MS = 6_000;
const LOOK_EVERY_MS = 250;

/** The same, once nothing but the memory has moved for a while: what passes by was not there before, and need not be there after. */
export const settledFootprintOf = async (counted: Counted): Promise<Footprint> => {
  let [seen, since] = ['', Date.now()];
  return until(async () => {
    // Each look opens a connection of its own, which must be gone before the next.
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const footprint = await footprintOf(counted);
    const now = JSON.stringify({ ...footprint, rssMb: 0 });
    if (now !== seen) [seen, since] = [now, Date.now()];
    if (Date.now() - since < STILL_MS) throw new Error(`it still moves: ${now}`);
    return footprint;
  }, 60_000);
};

/** Processes that a process has started, and those that they have. */
export const descendants = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);

const childrenOf = (pid: number): number[] => {
  try {
    // Each thread has its own children.
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
  } catch {
    return [];
  }
};

/** State of a socket that listens, in /proc/<pid>/net. */
const LISTEN = { tcp: '0A', unix: '01' };

const listeningOf = (pid: number): number => {
  const table = (name: string) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  const tcp = ['tcp', 'tcp6'].flatMap((name) => table(name).flatMap((fields) => (fields[3] === LISTEN.tcp ? [fields[9]] : [])));
  // Flag 0x10000: it accepts connections.
  const unix = table('unix').flatMap((fields) => (fields[3] === '00010000' && fields[5] === LISTEN.unix ? [fields[6]] : []));
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]));
  return [...tcp, ...unix].filter((inode) => own.has(inode)).length;
};

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

const listenersOf = async (url: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const counts = [...text.matchAll(/^\w*process_listeners\{[^}]*\} (\d+)$/gm)].map(([, count]) => Number(count));
  if (counts.length === 0) throw new Error(`${url}/metrics does not count listeners`);
  return counts.reduce((sum, count) => sum + count, 0);
};

const rssOf = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;

/** Connections of all processes: only the plugin-host's may change meanwhile. */
const redisConnections = async (redisUrl: string): Promise<number> => {
  const redis = new Redis(redisUrl);
  try {
    return Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))?.[1] ?? 0) - 1;
  } finally {
    redis.disconnect();
  }
};
