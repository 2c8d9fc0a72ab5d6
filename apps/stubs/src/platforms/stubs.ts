import type { PlatformDefinition } from '@conductor/platform-kit';
import { PLATFORMS } from '../platform-names';
import { StubPlatform } from './stub.platform';

const MESSAGES_IN_HAND = 16;

/** As people write them. */
const TITLES: Record<(typeof PLATFORMS)[number], string> = { minecraft: 'Minecraft', twitch: 'Twitch', tiktok: 'TikTok', youtube: 'YouTube' };

/** To hook one up, give it an app of its own (README.md, "Adding a platform") and take it away here and from `platform-names.ts`. */
export const stubs: readonly PlatformDefinition[] = PLATFORMS.map((name) => ({
  name,
  create: () => new StubPlatform(TITLES[name]),
  config: {},
  concurrency: MESSAGES_IN_HAND,
  repeatable: true,
}));
