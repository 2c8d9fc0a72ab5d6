import { choice, ms, number } from '@conductor/config';
import { z } from 'zod';

/** What the scaler can be told. Every process loads this, to know a mistyped variable: keep it to schemas. */
export const settings = z.object({
  SCALER_INTERVAL_MS: ms(5_000).describe('period of the samples and decisions of the scaler'),
  SCALER_MEMORY_WALL: choice(['auto', 'budget', 'cgroup', 'host']).default('auto').describe('what memory is measured against: a budget for our own processes, the limit of the container, the machine; `auto` takes the first that there is'),
  SCALER_MEMORY_BUDGET_MB: number().int().min(1).optional().describe('MB that all processes of the Conductor may take together'),
  SCALER_TRAINING: z.stringbool().default(true).describe('whether forecasts are trained (every 10 minutes, in a process of its own)'),
});
