import type { PlatformDefinition } from '@conductor/platform-kit';
import type { BrainConfig } from './brain-config';
import { ChatPlatform, WAITING_PLACES } from './chat.platform';
import { EchoPlatform } from './echo.platform';

const ECHOES_AT_ONCE = 16;
/** Taken in hand beyond those that wait, to see whether they are more urgent; if not, they are told that it is busy. */
const DOOR_PLACES = 4;

/** The platform `brain`: a language model where one is configured, otherwise an echo that says that it is one. */
export const brain = (config: BrainConfig): PlatformDefinition => {
  if (config.url === undefined) return { name: 'brain', create: () => new EchoPlatform(), config, concurrency: ECHOES_AT_ONCE, repeatable: true };
  const concurrency = config.concurrency + WAITING_PLACES + DOOR_PLACES;
  return {
    name: 'brain',
    create: () => new ChatPlatform(),
    config,
    concurrency,
    // Who waits is sorted in here, and waiting is no sign of trouble: as many as always.
    concurrencyBounds: { least: concurrency, most: concurrency },
    // Waiting for a turn may take as long as the turn itself.
    requestTimeoutMs: 2 * config.timeoutMs + 1_000,
    attempts: 5,
    repeatable: true,
  };
};
