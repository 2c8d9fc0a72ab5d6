import { existsSync, readFileSync } from 'node:fs';
import { ScalingPolicy, ScalingPolicyPatch } from '@conductor/contracts';
import { z } from 'zod';

/** A policy under its name, and whether it may look ahead. */
export interface NamedPolicy {
  readonly name: string;
  readonly policy: ScalingPolicy;
  readonly foresees: boolean;
}

/** Policies that need no file. */
const BUILT_IN: Readonly<Record<string, { patch: ScalingPolicyPatch; foresees: boolean; what: string }>> = {
  default: { patch: {}, foresees: true, what: 'what holds unless something else is set' },
  reactive: { patch: {}, foresees: false, what: 'the same without forecasts: by observation alone' },
  early: { patch: { disableAtPercent: 72, restoreAtPercent: 58, load: { busyPercent: 50, requestsPerSecondPerInstance: 150 } }, foresees: true, what: 'acts sooner and gives back later' },
  nervous: { patch: { restoreAfterMs: 30_000, minOffMs: 5_000, minOnMs: 0, restoreEveryMs: 0, load: { scaleDownAfterMs: 30_000 } }, foresees: true, what: 'without the waiting times that keep it calm' },
};
const ALIASES: Readonly<Record<string, string>> = { a: 'default', b: 'reactive' };

export const builtInPolicies = (): string => Object.entries(BUILT_IN).map(([name, { what }]) => `  ${name.padEnd(10)}${what}`).join('\n');

/**
 * A policy by its name, or from a JSON file with the settings that differ from the default, as `PATCH /v1/scaling/policy` takes them.
 * @throws Error that says what can be named
 */
export const policyCalled = (given: string): NamedPolicy => {
  const name = ALIASES[given] ?? given;
  const known = BUILT_IN[name];
  if (known) return { name, policy: merged(known.patch), foresees: known.foresees };
  if (!existsSync(given)) throw new Error(`There is no policy "${given}", neither a file nor one of these:\n${builtInPolicies()}`);
  const patch = ScalingPolicyPatch.safeParse(JSON.parse(readFileSync(given, 'utf8')));
  if (!patch.success) throw new Error(`${given} is no policy:\n${z.prettifyError(patch.error)}`);
  return { name: given.replace(/^.*[\\/]/, '').replace(/\.json$/, ''), policy: merged(patch.data), foresees: true };
};

const merged = (patch: ScalingPolicyPatch): ScalingPolicy => ScalingPolicy.parse({ ...patch, load: { ...patch.load } });
