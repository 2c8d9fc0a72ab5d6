import { QueueConsumer } from '@conductor/bus';
import { type InboundItem, inboundQueue, type Request, textOf } from '@conductor/contracts';
import type { RouterDouble } from '@conductor/testing';

/** Stands where router and brain stand: takes what the platform brings in, and answers it as a message to the platform. */
export class BrainDouble {
  readonly received: Request[] = [];
  answers = true;
  private readonly consumer: QueueConsumer<typeof inboundQueue>;

  constructor(private readonly router: RouterDouble) {
    const { connections, logger } = router.context;
    this.consumer = new QueueConsumer(inboundQueue, { handle: ({ items }) => this.take(items), giveUp: async () => {} }, { connection: connections.forWorker(), namespace: connections.namespace, concurrency: 4, lockMs: 15_000, logger });
    this.consumer.start();
  }

  close(): Promise<void> {
    return this.consumer.close();
  }

  /** Answers a message, as the real ones would after a while. */
  async answer({ id, user, conversation, content }: Request, answerId = `a-${id}`): Promise<string> {
    return this.router.send('android', { id: answerId, kind: 'answer', source: 'brain', inReplyTo: id, user: user!, conversation: conversation!, content: { text: `Echo: ${textOf(content)}` } });
  }

  /** Sends the word that no answer will come, as the router does for a dead letter. */
  async fail({ id, user, conversation }: Request): Promise<void> {
    await this.router.send('android', { id: `${id}.failure`, kind: 'failure', source: 'router', inReplyTo: id, user: user!, conversation: conversation!, content: { text: 'Your message could not be answered: the brain is away', failed: true, code: 'platform-unavailable' } });
  }

  private async take(items: InboundItem[]) {
    for (const item of items) {
      if (item.type !== 'request') continue;
      this.received.push(item.request);
      if (this.answers) await this.answer(item.request);
    }
  }
}
