import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** Something that became of a plugin: `PluginEvent` of the contracts. `generation` and `replaced` are versions. */
export const PluginGeneration = defineEntity({
  name: 'PluginGeneration',
  tableName: 'plugin_generations',
  properties: {
    id: p.string().primary().length(64),
    at: p.bigint('number'),
    host: p.text(),
    plugin: p.string().length(128),
    event: p.text(),
    generation: p.text().nullable(),
    replaced: p.text().nullable(),
    step: p.text().nullable(),
    reason: p.text(),
    actor: p.text(),
    ms: p.double().nullable(),
  },
  indexes: [{ properties: ['plugin', 'at'] }],
});
export type PluginGeneration = InferEntity<typeof PluginGeneration>;
