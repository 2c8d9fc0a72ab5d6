import { type Config, settingsOf } from '@conductor/config';
import { settings } from './settings';

export interface BrainConfig {
  readonly url?: string | undefined;
  readonly model: string;
  readonly apiKey?: string | undefined;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly systemPrompt?: string | undefined;
}

export const brainConfig = (config: Config): BrainConfig => {
  const e = settingsOf(config, settings);
  return { url: e.BRAIN_URL, model: e.BRAIN_MODEL, apiKey: e.BRAIN_API_KEY, timeoutMs: e.BRAIN_TIMEOUT_MS, concurrency: e.BRAIN_CONCURRENCY, systemPrompt: e.BRAIN_SYSTEM_PROMPT };
};
