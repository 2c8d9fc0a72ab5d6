import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { DeadLetters } from '@conductor/bus';
import type { HttpEntry } from '@conductor/http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { QueueWatch } from '../platforms/queue-watch';

const PATH = '/queues';

/**
 * Bull Board at `/queues`, behind the same keys as everything else. It only shows: a job changed there would pass the ledger by;
 * redrive and discard have their own endpoints.
 */
export const serveBoard = async (nest: NestFastifyApplication, queues: QueueWatch, deadLetters: DeadLetters, entry: HttpEntry): Promise<void> => {
  const adapter = new FastifyAdapter();
  adapter.setBasePath(PATH);
  const board = createBullBoard({ queues: [], serverAdapter: adapter, options: { uiConfig: { boardTitle: 'Conductor queues' } } });
  queues.onQueue((queue) => board.addQueue(new BullMQAdapter(queue, { readOnlyMode: true })));
  board.addQueue(new BullMQAdapter(deadLetters.queue, { readOnlyMode: true }));
  const serve = adapter.registerPlugin();
  const served: typeof serve = (fastify, options, done) => {
    fastify.addHook('onSend', async (request, _reply, payload) => (typeof payload === 'string' && payload.startsWith('<!DOCTYPE html>') ? ownPage(payload, entry.prefixOf(request.raw)) : payload));
    serve(fastify, options, done);
  };
  await nest.register(served, { prefix: PATH });
};

/** Its page asks another host for fonts, which no page of ours does, and knows nothing of a path under which a proxy serves it. */
const ownPage = (page: string, prefix: string): string => page.replace(/<link\b[^>]*\bhref="https?:[^>]*>/g, '').replace(/<base href="[^"]*"/, `<base href="${prefix}${PATH}/"`);
