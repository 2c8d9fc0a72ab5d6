import type { DeadLetters } from '@conductor/bus';
import type { AppOptions, BuildApp } from '@conductor/http';
import { serveBoard } from './board/bull-board';
import { ConductorModule } from './conductor.module';
import type { QueueWatch } from './platforms/queue-watch';

/** How the conductor is built, and what stands at its door besides its endpoints. */
export const conductorApp = (): { build: BuildApp; options: AppOptions } => {
  let board: { queues: QueueWatch; deadLetters: DeadLetters };
  return {
    build: async (context) => {
      const { module, ...parts } = await ConductorModule.register(context);
      board = parts;
      return module;
    },
    options: {
      openapi: { title: 'Conductor', description: 'Steers every platform of a companion application: status, platforms, breakers, routes, dead letters, history.' },
      sessions: true,
      configure: (nest, { entry }) => serveBoard(nest, board.queues, board.deadLetters, entry),
    },
  };
};
