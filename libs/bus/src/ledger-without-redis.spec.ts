import type { Request, TrailStep } from '@conductor/contracts';
import { openTestContext } from '@conductor/testing';
import { RedisConnections, RedisUnavailable } from '@conductor/connections';
import { Ledger } from './index';

it('the ledger says that Redis is away instead of guessing', async () => {
  const { connections, logger, resources } = await openTestContext('router');
  const away = new RedisConnections('redis://127.0.0.1:1', connections.namespace, logger);
  const blind = new Ledger(away.commands, away.namespace, { retentionMs: 60_000, keyedRetentionMs: 600_000, ttlMs: 6_000_000 });
  const request: Request = { id: 'm-1', source: 'test', kind: 'message', content: 'hello', deadlineMs: 5_000, waitFor: 'answer', receivedAt: Date.now(), trace: 'trace-1' };
  const step = (name: TrailStep['step']): TrailStep => ({ at: Date.now(), step: name });

  await expect(blind.accept(request, [step('accepted')])).rejects.toThrow(RedisUnavailable);
  await expect(blind.settle(request, { state: 'dead-lettered', code: 'gone', reason: 'the chat is gone' }, step('dead-lettered'))).rejects.toThrow(RedisUnavailable);
  await expect(blind.read(request.id)).rejects.toThrow(RedisUnavailable);
  await away.close();
  await resources.drain();
});
