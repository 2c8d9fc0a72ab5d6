import type { DesiredState, LifecycleState } from '@conductor/contracts';

/** Why a platform is not wanted. */
export interface Unwanted {
  platform: string;
  lifecycle: LifecycleState;
  reason: string;
}

/**
 * What keeps each of these platforms from running; undefined as soon as one of them is wanted. Nobody ever said anything of a
 * platform that is not in there: it is wanted.
 * @param desired the hash of desired states, as Redis holds it
 */
export const unwantedAll = (platforms: readonly string[], desired: Readonly<Record<string, string>>): Unwanted[] | undefined => {
  const all = platforms.map((platform) => unwanted(platform, desired[platform]));
  return all.every((one) => one !== undefined) ? all : undefined;
};

/** Read without its schema: loading that takes a fifth of the memory which the shell is there to save, and its writer checks it. */
const unwanted = (platform: string, json: string | undefined): Unwanted | undefined => {
  const state = json === undefined ? {} : (JSON.parse(json) as Partial<DesiredState>);
  if (state.enabled === false) return { platform, lifecycle: 'disabled', reason: state.reason ?? 'switched off by an operator' };
  if (state.suspended) return { platform, lifecycle: 'suspended', reason: state.suspended.reason };
  return undefined;
};

/** In one line, for a person: `minecraft, twitch: suspended (RAM is short); brain: disabled (switched off)`. */
export const inWords = (all: readonly Unwanted[]): string =>
  [...Map.groupBy(all, ({ lifecycle, reason }) => `${lifecycle} (${reason})`)].map(([how, those]) => `${those.map(({ platform }) => platform).join(', ')}: ${how}`).join('; ');
