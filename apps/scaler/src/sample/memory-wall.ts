import { freemem, totalmem } from 'node:os';
import type { MemoryObservation } from '../decide';
import type { ScalerConfig } from '../scaler-config';
import type { CgroupMemory } from './cgroup';

const MB = 1_048_576;

/**
 * Memory against the wall that will be hit first: the budget for our own processes when one is set, the container's limit when it is below what
 * the machine has, else the machine.
 * @param ownMb resident memory of all our processes; undefined when it could not be read
 */
export const memoryAgainstWall = ({ memoryWall, memoryBudgetMb }: Pick<ScalerConfig, 'memoryWall' | 'memoryBudgetMb'>, cgroup: CgroupMemory | undefined, ownMb: number | undefined): MemoryObservation | undefined => {
  if (memoryWall === 'budget' || (memoryWall === 'auto' && memoryBudgetMb !== undefined)) {
    return memoryBudgetMb === undefined || ownMb === undefined ? undefined : { wall: 'budget', budgetMb: memoryBudgetMb, usedMb: Math.round(ownMb) };
  }
  const machineMb = totalmem() / MB;
  const limited = cgroup !== undefined && cgroup.limitMb < machineMb;
  if (memoryWall === 'cgroup' || (memoryWall === 'auto' && limited)) {
    return cgroup && { wall: 'cgroup', budgetMb: Math.round(cgroup.limitMb), usedMb: Math.round(cgroup.usedMb) };
  }
  // What the kernel could hand out at once (MemAvailable), not what lies idle.
  return { wall: 'host', budgetMb: Math.round(machineMb), usedMb: Math.round(machineMb - freemem() / MB) };
};
