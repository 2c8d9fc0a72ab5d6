import type { PlatformDefinition } from '@conductor/platform-kit';
import { StubPlatform } from './stub.platform';

const MESSAGES_IN_HAND = 16;

/** As people write them. */
const TITLES = { minecraft: 'Minecraft', twitch: 'Twitch', tiktok: 'TikTok', youtube: 'YouTube' };

/** To hook one up, give it an app of its own (README.md, "Adding a platform") and take it away here and from `app.json`. */
export const stubs: readonly PlatformDefinition[] = Object.entries(TITLES).map(([name, title]) => ({
  name,
  create: () => new StubPlatform(title),
  config: {},
  concurrency: MESSAGES_IN_HAND,
  repeatable: true,
}));
