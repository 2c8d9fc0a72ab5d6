import { DeliveryFailure, type PlatformDefinition, type PlatformPlugin } from '@conductor/platform-kit';
import type { Generation } from '../sandbox/generation';
import type { Incident } from '../sandbox/incidents';
import type { Sandbox } from '../sandbox/sandbox';
import { SandboxedPlatform } from '../sandbox/sandboxed-platform';
import type { GenerationSpec } from '../sandbox/spec';
import { OutcomeTally } from './outcome-tally';

/** One platform of a plugin that is in use, with a count of how the messages of each generation ended. */
export class RunningPlatform {
  readonly sandboxed: SandboxedPlatform;
  private readonly tallies = new WeakMap<Generation, OutcomeTally>();

  constructor(sandbox: Sandbox, spec: GenerationSpec, onIncident?: (incident: Incident) => void) {
    this.sandboxed = new SandboxedPlatform(sandbox, spec, onIncident);
  }

  get name(): string {
    return this.sandboxed.definition.name;
  }

  get definition(): PlatformDefinition {
    return { ...this.sandboxed.definition, create: () => this.counted };
  }

  get generation(): Generation | undefined {
    return this.sandboxed.generation;
  }

  tallyOf(generation: Generation): OutcomeTally {
    let tally = this.tallies.get(generation);
    if (!tally) this.tallies.set(generation, (tally = new OutcomeTally()));
    return tally;
  }

  private readonly counted: PlatformPlugin = {
    initialize: (config, context) => this.sandboxed.initialize(config, context),
    healthCheck: (signal) => this.sandboxed.healthCheck(signal),
    shutdown: () => this.sandboxed.shutdown(),
    handleRequest: async (request, signal) => {
      // Of the one that serves now: it is the one that gets the message.
      const { generation } = this.sandboxed;
      const record = (failed: boolean) => generation && this.tallyOf(generation).record(failed);
      try {
        const answer = await this.sandboxed.handleRequest(request, signal);
        record(false);
        return answer;
      } catch (error) {
        const weight = weightOf(error);
        if (weight !== 'nothing') record(weight === 'failure');
        throw error;
      }
    },
  };
}

/** As circuit breakers see it: a message that is refused was answered, and "not now" says nothing of the platform. */
export const weightOf = (error: unknown): 'failure' | 'answer' | 'nothing' => {
  if (!(error instanceof DeliveryFailure)) return 'failure';
  if (error.outcome.result === 'not-now') return 'nothing';
  return error.outcome.class === 'rejected' ? 'answer' : 'failure';
};
