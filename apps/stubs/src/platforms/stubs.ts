import type { PlatformDefinition } from '@conductor/platform-kit';
import { StubPlatform } from './stub.platform';

const MESSAGES_IN_HAND = 16;

const stub = (name: string, title: string): PlatformDefinition => ({
  name,
  create: () => new StubPlatform(title),
  config: {},
  concurrency: MESSAGES_IN_HAND,
  repeatable: true,
});

/** To hook one up, give it an app of its own (README.md, "Adding a platform") and take its line away here. */
export const stubs: readonly PlatformDefinition[] = [
  stub('minecraft', 'Minecraft'),
  stub('twitch', 'Twitch'),
  stub('tiktok', 'TikTok'),
  stub('youtube', 'YouTube'),
];
