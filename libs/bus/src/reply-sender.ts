import type { Reply } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import { Coalescer } from './coalescer';
import { jsonBytes } from './json-bytes';
import { keysOf } from './keys';

const REPLIES_IN_ONE_MESSAGE = 64;
/** Inboxes come and go with their processes; the eldest are forgotten beyond this number. */
const REMEMBERED_INBOXES = 256;

/** Sends replies to inboxes. A lost one is no loss: the ledger has the outcome before its reply is sent. */
export class ReplySender {
  private readonly inboxes = new Map<string, Coalescer<Reply>>();

  constructor(
    private readonly redis: Redis,
    private readonly namespace: string,
  ) {}

  send(inbox: string, reply: Reply): void {
    this.to(inbox).add(reply).catch(() => {});
  }

  private to(inbox: string): Coalescer<Reply> {
    let coalescer = this.inboxes.get(inbox);
    if (!coalescer) {
      const channel = keysOf(this.namespace).inbox(inbox);
      coalescer = new Coalescer<Reply>((replies) => this.redis.publish(channel, JSON.stringify(replies)), () => REPLIES_IN_ONE_MESSAGE, jsonBytes);
      this.inboxes.set(inbox, coalescer);
      if (this.inboxes.size > REMEMBERED_INBOXES) this.inboxes.delete(this.inboxes.keys().next().value!);
    }
    return coalescer;
  }
}
