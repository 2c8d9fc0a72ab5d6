import { runApp } from '@conductor/http';
import { type PlatformDefinition, PlatformHost, type PlatformPlugin } from '@conductor/platform-kit';

/** A process of platforms that answer at once: what is measured is everything but them. The argument says how many. */
const echo = (): PlatformPlugin => ({
  initialize: async () => {},
  healthCheck: async () => ({ status: 'ok' }),
  handleRequest: async ({ content }) => ({ content }),
  shutdown: async () => {},
});
const count = Number(process.argv[2] ?? 1);
const definitions: PlatformDefinition[] = Array.from({ length: count }, (_, n) => ({ name: count === 1 ? 'echo' : `echo-${n}`, create: echo, config: {}, repeatable: true, concurrency: 64 }));

void runApp('stubs', async (context) => {
  await PlatformHost.open(context, definitions);
  return class EchoModule {};
});
