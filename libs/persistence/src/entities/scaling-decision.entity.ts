import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** One decision of the scaler. What is JSON text here is described by `ScalingDecision` of the contracts. */
export const ScalingDecisionEntry = defineEntity({
  name: 'ScalingDecisionEntry',
  tableName: 'scaling_decisions',
  properties: {
    id: p.string().primary().length(64),
    at: p.bigint('number'),
    kind: p.text(),
    /** `,voice,android,`, so that one of them can be found. */
    platforms: p.text(),
    trigger: p.text().fieldName('trigger_kind'),
    rule: p.text(),
    reason: p.text(),
    inputs: p.text(),
    forecast: p.text().nullable(),
    action: p.text(),
    expected: p.text(),
    /** Null until the effect was measured. */
    measured: p.text().nullable(),
    reconsiderAt: p.bigint('number'),
    token: p.bigint('number'),
    by: p.text().fieldName('decided_by'),
  },
  indexes: [{ properties: ['at', 'id'] }],
});
export type ScalingDecisionEntry = InferEntity<typeof ScalingDecisionEntry>;
