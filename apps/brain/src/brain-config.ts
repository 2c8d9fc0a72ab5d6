import type { Config } from '@conductor/config';

export type BrainConfig = Config['brain'];
