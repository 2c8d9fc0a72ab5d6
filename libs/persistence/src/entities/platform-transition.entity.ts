import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** A platform went from one state of its life cycle to another. */
export const PlatformTransition = defineEntity({
  name: 'PlatformTransition',
  tableName: 'platform_transitions',
  properties: {
    id: p.string().primary().length(36),
    at: p.bigint('number'),
    platform: p.text(),
    from: p.text().fieldName('from_state'),
    to: p.text().fieldName('to_state'),
    reason: p.text(),
  },
  indexes: [{ properties: ['platform', 'at'] }, { properties: ['at'] }],
});
export type PlatformTransition = InferEntity<typeof PlatformTransition>;
