import { type Answer, type PluginHealth, textOf } from '@conductor/contracts';
import type { PlatformContext, PlatformDefinition, PlatformPlugin, PlatformRequest } from '@conductor/platform-kit';

/** A platform that does what the test says: replace a hook, look at what was asked. */
export class ScriptedPlatform implements PlatformPlugin {
  onInitialize: (context: PlatformContext) => Promise<void> = async () => {};
  onHealthCheck: (signal: AbortSignal) => Promise<PluginHealth> = async () => ({ status: 'ok' });
  onRequest: (request: PlatformRequest, signal: AbortSignal) => Promise<Answer> = async ({ content }) => ({ text: `carried out: ${textOf(content)}` });
  onShutdown: () => Promise<void> = async () => {};

  readonly requests: PlatformRequest[] = [];
  initialized = 0;
  shutDown = 0;
  inFlight = 0;
  mostInFlight = 0;
  context!: PlatformContext;

  /** A definition that always runs this very object. */
  definition(name: string, how: Omit<Partial<PlatformDefinition>, 'name' | 'create'> = {}): PlatformDefinition {
    return { name, config: {}, ...how, create: () => this };
  }

  /** How often the message with this id was carried out. */
  timesAsked(id: string): number {
    return this.requests.filter((request) => request.id === id).length;
  }

  initialize(_config: unknown, context: PlatformContext): Promise<void> {
    this.initialized++;
    this.context = context;
    return this.onInitialize(context);
  }

  healthCheck(signal: AbortSignal): Promise<PluginHealth> {
    return this.onHealthCheck(signal);
  }

  async handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    this.requests.push(request);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      return await this.onRequest(request, signal);
    } finally {
      this.inFlight--;
    }
  }

  shutdown(): Promise<void> {
    this.shutDown++;
    return this.onShutdown();
  }
}

/** For a script: never ends, whatever the signal says. */
export const hang = <T>(): Promise<T> => new Promise<T>(() => {});

/** For a script: ends with the signal, as a good platform does. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
