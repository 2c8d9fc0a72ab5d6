import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** A circuit breaker of one router went from one position to another. */
export const BreakerTransition = defineEntity({
  name: 'BreakerTransition',
  tableName: 'breaker_transitions',
  properties: {
    id: p.string().primary().length(36),
    at: p.bigint('number'),
    platform: p.text(),
    operation: p.text(),
    router: p.text(),
    from: p.text().fieldName('from_position'),
    to: p.text().fieldName('to_position'),
    reason: p.text(),
  },
  indexes: [{ properties: ['platform', 'at'] }, { properties: ['at'] }],
});
export type BreakerTransition = InferEntity<typeof BreakerTransition>;
