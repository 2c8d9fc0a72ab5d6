import type { Answer, PluginHealth } from '@conductor/contracts';
import type { PlatformPlugin, PlatformRequest } from '@conductor/platform-kit';
import { readable } from './readable';

/** Answers with what was said while no language model is configured, and says so: nobody shall take it for one. */
export class EchoPlatform implements PlatformPlugin {
  async initialize(): Promise<void> {}

  async healthCheck(): Promise<PluginHealth> {
    return { status: 'ok', reason: 'no language model is configured (BRAIN_URL): messages are echoed', details: { echo: true } };
  }

  async handleRequest({ content }: PlatformRequest): Promise<Answer> {
    return { text: `Echo (no language model is configured): ${readable(content)}`, echo: true };
  }

  async shutdown(): Promise<void> {}
}
