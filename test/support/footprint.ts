import { readdirSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { System } from './system';

/** What a process holds, as the kernel and Redis count it. */
export interface Footprint {
  processes: number;
  descriptors: number;
  redisConnections: number;
  rssMb: number;
}

/** Of the plugin-host and everything below it. */
export const footprintOf = async (system: System): Promise<Footprint> => {
  const pid = system.pid('plugin-host');
  const all = [pid, ...descendants(pid)];
  return {
    processes: all.length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    redisConnections: await redisConnections(system),
    rssMb: rssOf(pid),
  };
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

const rssOf = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;

/** Connections of all processes: only the plugin-host's may change meanwhile. */
const redisConnections = async (system: System): Promise<number> => {
  const redis = new Redis(system.run.redisUrl);
  try {
    return Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))?.[1] ?? 0) - 1;
  } finally {
    redis.disconnect();
  }
};
