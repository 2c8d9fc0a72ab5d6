import type { OnModuleDestroy } from '@nestjs/common';
import type { HistoryItem } from './history-item';

export type Waited = { end: 'answer'; answer: HistoryItem } | { end: 'late' } | { end: 'closed' };

/** Phones that wait for an answer within their HTTP request. */
export class AnswerWaiters implements OnModuleDestroy {
  private readonly waiters = new Map<string, Set<(end: Waited) => void>>();

  wait(user: string, id: string, timeoutMs: number): Promise<Waited> {
    return new Promise((resolve) => {
      const key = keyOf(user, id);
      const others = this.waiters.get(key) ?? new Set();
      const settle = (end: Waited) => {
        clearTimeout(timer);
        others.delete(settle);
        if (others.size === 0) this.waiters.delete(key);
        resolve(end);
      };
      const timer = setTimeout(settle, timeoutMs, { end: 'late' });
      this.waiters.set(key, others.add(settle));
    });
  }

  settle(user: string, answer: HistoryItem) {
    if (answer.inReplyTo !== undefined) this.end(keyOf(user, answer.inReplyTo), { end: 'answer', answer });
  }

  /** Nobody waits on: the platform goes. */
  close() {
    for (const key of [...this.waiters.keys()]) this.end(key, { end: 'closed' });
  }

  /** The door waits for requests in hand before it closes; those would wait for answers. */
  onModuleDestroy() {
    this.close();
  }

  private end(key: string, end: Waited) {
    for (const settle of [...(this.waiters.get(key) ?? [])]) settle(end);
  }
}

const keyOf = (user: string, id: string) => `${id}\n${user}`;
