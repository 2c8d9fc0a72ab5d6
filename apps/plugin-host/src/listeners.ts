import type { EventEmitter } from 'node:events';
import type { AppContext } from '@conductor/http';

/** Counts callbacks on what lives as long as the process: plugins come and go, and must leave none there. */
export const measureListeners = ({ metrics, connections }: Pick<AppContext, 'metrics' | 'connections'>): void => {
  const emitters: Record<string, EventEmitter> = { process, stdout: process.stdout, stderr: process.stderr, redis_commands: connections.commands, redis_subscriber: connections.subscriber };
  metrics.gauge('process_listeners', 'Callbacks on what lives as long as the process', ['on'], (gauge) => {
    for (const [on, emitter] of Object.entries(emitters)) gauge.set({ on }, emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0));
  });
};
