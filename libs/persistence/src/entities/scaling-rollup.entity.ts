import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** What one scaler saw of one series (`memory:total`, `rate:voice`) within one stretch of time. */
export const ScalingRollup = defineEntity({
  name: 'ScalingRollup',
  tableName: 'scaling_rollups',
  properties: {
    /** Length of the stretch in milliseconds, e.g. five minutes, an hour. */
    bucketMs: p.integer().primary(),
    series: p.string().primary().length(128),
    /** Epoch milliseconds at which it begins. */
    at: p.bigint('number').primary(),
    /** Two scalers may share a stretch when one takes over from the other. */
    writer: p.string().primary().length(64),
    samples: p.integer(),
    mean: p.double().$type<number>(),
    max: p.double().$type<number>(),
  },
  indexes: [{ properties: ['bucketMs', 'at'] }],
});
export type ScalingRollup = InferEntity<typeof ScalingRollup>;
