import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { DeadLetters } from '@conductor/bus';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { QueueWatch } from '../platforms/queue-watch';

const PATH = '/queues';

/**
 * Bull Board at `/queues`, behind the same keys as everything else. It only shows: a job changed there would pass the ledger by;
 * redrive and discard have their own endpoints.
 */
export const serveBoard = async (nest: NestFastifyApplication, queues: QueueWatch, deadLetters: DeadLetters): Promise<void> => {
  const adapter = new FastifyAdapter();
  adapter.setBasePath(PATH);
  const board = createBullBoard({ queues: [], serverAdapter: adapter, options: { uiConfig: { boardTitle: 'Conductor queues' } } });
  queues.onQueue((queue) => board.addQueue(new BullMQAdapter(queue, { readOnlyMode: true })));
  board.addQueue(new BullMQAdapter(deadLetters.queue, { readOnlyMode: true }));
  await nest.register(adapter.registerPlugin(), { prefix: PATH });
};
