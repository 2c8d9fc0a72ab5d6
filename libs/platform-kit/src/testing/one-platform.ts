import { openPlatforms, type PlatformStage, type RouterDouble, ScriptedPlatform, until } from '@conductor/testing';

/** Stages that a test opened; closed after it. */
export const stages: PlatformStage[] = [];
type Stage = Parameters<typeof openPlatforms>[1] & { how?: Parameters<ScriptedPlatform['definition']>[1] };

/** One platform, `p`. */
export const open = async (script: Partial<ScriptedPlatform> = {}, { how, ...options }: Stage = {}) => {
  const platform = Object.assign(new ScriptedPlatform(), script);
  const stage = await openPlatforms([platform.definition('p', how)], options);
  stages.push(stage);
  const instance = stage.host.instances[0]!;
  return { platform, stage, router: stage.router, instance, permit: () => stage.router.permit('p', instance.id) };
};

export const closeStages = () => Promise.all(stages.splice(0).map((stage) => stage.close()));

export const slow = (ms: number) => () => new Promise<{ text: string }>((resolve) => setTimeout(resolve, ms, { text: 'slow' }));

/** Nothing is left in the queue of `p`. */
export const untilIdle = (router: RouterDouble) =>
  until(async () => {
    const { waiting, active, delayed } = await router.producer('p').counts();
    expect({ waiting, active, delayed }).toEqual({ waiting: 0, active: 0, delayed: 0 });
  });
