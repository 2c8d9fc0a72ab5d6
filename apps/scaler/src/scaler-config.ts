import { type Config, settingsOf } from '@conductor/config';
import type { z } from 'zod';
import { settings } from './settings';

export interface ScalerConfig {
  readonly intervalMs: number;
  readonly memoryWall: z.output<typeof settings>['SCALER_MEMORY_WALL'];
  readonly memoryBudgetMb?: number | undefined;
  readonly training: boolean;
}

export const scalerConfig = (config: Config): ScalerConfig => {
  const e = settingsOf(config, settings);
  return { intervalMs: e.SCALER_INTERVAL_MS, memoryWall: e.SCALER_MEMORY_WALL, memoryBudgetMb: e.SCALER_MEMORY_BUDGET_MB, training: e.SCALER_TRAINING };
};
