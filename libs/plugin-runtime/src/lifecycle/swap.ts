import type { SwapReport, SwapStep } from '@conductor/contracts';
import type { Generation } from '../sandbox/generation';
import type { GenerationSpec } from '../sandbox/spec';
import { passCanary, passChecks, startUp } from './gate';
import type { RunningPlatform } from './running-platform';
import type { LifecycleSettings } from './settings';
import { reasonOf, SwapFailed } from './swap-failed';

export type Steps = SwapReport['steps'];
export type Proofs = SwapReport['proof'];

/** One platform that goes from one generation to another. */
export interface Move {
  readonly platform: RunningPlatform;
  readonly spec: GenerationSpec;
}

export type StepState = 'began' | 'done' | 'failed';

/** Notes how long each step took, and tells who watches. */
export class StepLog {
  readonly steps: Steps = [];

  constructor(private readonly tell: (step: SwapStep, state: StepState) => void = () => {}) {}

  async run<T>(step: SwapStep, work: () => Promise<T>, detail?: (result: T) => string | undefined): Promise<T> {
    const startedAt = performance.now();
    this.tell(step, 'began');
    const result = await work().catch((error: unknown) => {
      this.tell(step, 'failed');
      throw error;
    });
    this.tell(step, 'done');
    const said = detail?.(result);
    this.steps.push({ step, ms: Math.round(performance.now() - startedAt), ...(said !== undefined && { detail: said }) });
    return result;
  }
}

/**
 * Brings new generations up beside the old ones, lets them prove themselves, moves the messages over, and ends the old ones when they
 * have finished. Messages in hand stay where they are; the next ones go to the new generation. Nothing waits and nothing is cut off.
 * @throws SwapFailed before any message has moved; the new generations are gone again by then
 */
export const moveBeside = async (moves: readonly Move[], log: StepLog, settings: LifecycleSettings, onSwitched: () => Promise<void> | void): Promise<Proofs> => {
  const opened: Array<Move & { generation: Generation }> = [];
  try {
    await log.run('start', async () => {
      for (const move of moves) {
        const generation = await open(move);
        opened.push({ ...move, generation });
        await startUp(generation);
      }
    });
    await log.run('health', () => each(opened, ({ platform, generation }) => passChecks(generation, platform.generation, settings)), () => `${settings.checks} good checks`);
    await log.run('canary', () => each(opened, ({ platform, generation }) => passCanary(platform.sandboxed, generation)));
  } catch (error) {
    await each(opened, async ({ platform, generation }) => void (await platform.sandboxed.close(generation)));
    throw error;
  }
  const old = await log.run('switch', async () => {
    // In one go, without anything in between: a plugin's platforms change together.
    const before = opened.map(({ platform, generation }) => ({ platform, generation: platform.sandboxed.switchTo(generation) }));
    await onSwitched();
    return before.flatMap(({ platform, generation }) => (generation ? [{ platform, generation }] : []));
  });
  const unfinished = await log.run('drain', () => Promise.all(old.map(({ generation }) => generation.drain(settings.drainMs))), (left) => `${left.reduce((sum, one) => sum + one, 0)} still in hand after at most ${settings.drainMs} ms`);
  return log.run('stop', () => Promise.all(old.map(async ({ platform, generation }, at) => proofOf(await closed(platform, generation), unfinished[at]!))), proved);
};

/**
 * For platforms that bear one session only: the old generation finishes and closes before the new one connects; messages wait meanwhile.
 * @throws SwapFailed when the new one is not well; the old one was opened again by then
 */
export const moveByHandOver = async (moves: readonly Move[], log: StepLog, settings: LifecycleSettings, onSwitched: () => Promise<void> | void): Promise<Proofs> => {
  const done: Array<{ platform: RunningPlatform; before: GenerationSpec | undefined }> = [];
  const proofs: Proofs = [];
  try {
    await log.run('hand-over', async () => {
      for (const { platform, spec } of moves) {
        const before = platform.generation?.spec;
        const verify = async (generation: Generation) => {
          await passChecks(generation, undefined, settings);
          await passCanary(platform.sandboxed, generation);
        };
        const { proof, unfinished } = await platform.sandboxed.handOver(spec, settings.drainMs, verify);
        done.push({ platform, before });
        if (proof) proofs.push(proofOf(proof, unfinished));
      }
    });
  } catch (error) {
    for (const { platform, before } of done.reverse()) if (before) await platform.sandboxed.handOver(before, settings.drainMs);
    throw error instanceof SwapFailed ? new SwapFailed('hand-over', `at ${error.step}: ${error.message}`, error) : new SwapFailed('hand-over', reasonOf(error), error);
  }
  await onSwitched();
  return proofs;
};

/** The new one serves by now: what the old one leaves behind is told, and undoes nothing. */
const closed = (platform: RunningPlatform, generation: Generation) =>
  platform.sandboxed.close(generation).catch((error: unknown) => ({ generation: generation.spec.id, processes: [], leftovers: [reasonOf(error)] }));

const open = async ({ platform, spec }: Move): Promise<Generation> => {
  try {
    return await platform.sandboxed.openGeneration(spec);
  } catch (error) {
    throw new SwapFailed('start', reasonOf(error), error);
  }
};

const each = async <T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> => void (await Promise.all(list.map(work)));

const proofOf = ({ generation, processes, leftovers }: { generation: string; processes: number[]; leftovers: string[] }, unfinished: number) => ({ generation, processes, leftovers, unfinished });

const proved = (proofs: Proofs) => {
  const leftovers = proofs.flatMap((proof) => proof.leftovers);
  return leftovers.length === 0 ? `${proofs.flatMap(({ processes }) => processes).length} processes ended, nothing is left` : `still there: ${leftovers.join(', ')}`;
};
