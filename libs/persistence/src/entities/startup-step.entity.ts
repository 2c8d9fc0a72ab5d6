import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** One step of one start-up, with its result and how long it took. */
export const StartupStep = defineEntity({
  name: 'StartupStep',
  tableName: 'startup_steps',
  properties: {
    id: p.string().primary().length(36),
    at: p.bigint('number'),
    /** Names one start of the conductor; all of its steps share it. */
    boot: p.text(),
    phase: p.text(),
    platform: p.text().nullable(),
    result: p.text(),
    ms: p.integer(),
    detail: p.text().nullable(),
  },
  indexes: [{ properties: ['boot', 'at'] }, { properties: ['at'] }],
});
export type StartupStep = InferEntity<typeof StartupStep>;
