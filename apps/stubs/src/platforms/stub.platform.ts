import { type Answer, type PluginHealth, textOf } from '@conductor/contracts';
import type { PlatformPlugin, PlatformRequest } from '@conductor/platform-kit';

/** Stands in for a platform that is not hooked up yet: accepts everything, and says in its answer that it went nowhere. */
export class StubPlatform implements PlatformPlugin {
  /** @param title the platform's name as people write it */
  constructor(private readonly title: string) {}

  async initialize(): Promise<void> {}

  async healthCheck(): Promise<PluginHealth> {
    return { status: 'ok', reason: `a stub: ${this.title} is not hooked up yet`, details: { hookedUp: false } };
  }

  async handleRequest({ id, kind, content, conversation }: PlatformRequest): Promise<Answer> {
    return {
      ok: true,
      hookedUp: false,
      text: `${this.title} is not hooked up yet: your message was accepted and went nowhere.`,
      received: { id, kind, text: textOf(content), ...(conversation !== undefined && { conversation }) },
    };
  }

  async shutdown(): Promise<void> {}
}
