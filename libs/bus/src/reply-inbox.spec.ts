import { randomUUID } from 'node:crypto';
import type { Reply, Request } from '@conductor/contracts';
import { forget, openTestContext, until } from '@conductor/testing';
import { Ledger, ReplyInbox, ReplySender } from './index';

/** Longer than a test may take. */
const FOREVER = 600_000;

const replyTo = (id: string, more: Partial<Reply> = {}): Reply => ({
  id,
  platform: 'discord',
  instance: 'discord-1',
  kind: 'message',
  outcome: { result: 'done', answer: { text: 'hi' } },
  state: 'answered',
  final: true,
  queuedMs: 1,
  platformMs: 2,
  ...more,
});

describe('the reply inbox', () => {
  let context: Awaited<ReturnType<typeof openTestContext>>;
  let ledger: Ledger;
  let inbox: ReplyInbox;
  let sender: ReplySender;
  let seen: Reply[];

  beforeEach(async () => {
    context = await openTestContext('router');
    const { connections, config, logger, resources } = context;
    ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    inbox = resources.hold('inbox', new ReplyInbox(connections, ledger, 'router-1', logger), (open) => open.close());
    sender = new ReplySender(connections.commands, connections.namespace);
    seen = [];
    inbox.observe((reply) => seen.push(reply));
    await inbox.open();
  });
  afterEach(async () => {
    await context.resources.drain();
    await forget(context.config);
  });

  const accepted = async (): Promise<Request> => {
    const request: Request = { id: `m-${randomUUID()}`, source: 'test', kind: 'message', content: 'hello', deadlineMs: 5_000, waitFor: 'answer', receivedAt: Date.now(), trace: 't' };
    await ledger.accept(request, [{ at: Date.now(), step: 'accepted' }]);
    return request;
  };

  it('hands a final reply to everyone who waits for that message, and to nobody else', async () => {
    const [one, another, stranger] = [inbox.wait('m-1', FOREVER), inbox.wait('m-1', FOREVER), inbox.wait('m-2', FOREVER)];

    sender.send('router-1', replyTo('m-1'));

    expect(await Promise.all([one, another])).toEqual([replyTo('m-1'), replyTo('m-1')]);
    expect(inbox.waiting).toBe(1);
    sender.send('router-1', replyTo('m-2'));
    expect(await stranger).toEqual(replyTo('m-2'));
  });

  it('goes on waiting after a reply that is not final', async () => {
    const waiting = inbox.wait('m-1', FOREVER);

    sender.send('router-1', replyTo('m-1', { final: false, state: 'waiting' }));
    await until(() => expect(seen).toHaveLength(1));
    expect(inbox.waiting).toBe(1);

    sender.send('router-1', replyTo('m-1'));
    expect(await waiting).toEqual(replyTo('m-1'));
  });

  it('shows observers also the replies that nobody waits for', async () => {
    sender.send('router-1', replyTo('m-1'));
    sender.send('router-1', replyTo('m-2', { final: false }));

    await until(() => expect(seen.map(({ id }) => id)).toEqual(['m-1', 'm-2']));
  });

  it('hears nothing of what other inboxes get', async () => {
    sender.send('router-2', replyTo('m-1'));
    sender.send('router-1', replyTo('m-2'));

    await until(() => expect(seen).toHaveLength(1));
    expect(seen[0]!.id).toBe('m-2');
  });

  it.each(['answered', 'dead-lettered', 'discarded'] as const)('finds in the ledger what is %s when the reply was lost', async (state) => {
    const request = await accepted();
    const waiting = inbox.wait(request.id, FOREVER);

    await ledger.settle(request, { state, reason: 'told to nobody' }, { at: Date.now(), step: 'answered' });

    expect(await waiting).toMatchObject({ id: request.id, state, reason: 'told to nobody', request });
    expect(inbox.waiting).toBe(0);
  });

  it('gives up when the time is over', async () => {
    expect(await inbox.wait('m-1', 20)).toBeUndefined();
    expect(inbox.waiting).toBe(0);
  });

  it('gives up when the one who asked has gone, also before the waiting began', async () => {
    const asking = new AbortController();
    const waiting = inbox.wait('m-1', FOREVER, asking.signal);

    asking.abort();

    expect(await waiting).toBeUndefined();
    expect(await inbox.wait('m-1', FOREVER, asking.signal)).toBeUndefined();
    expect(inbox.waiting).toBe(0);
  });

  it.each(['{ not JSON', '"text"', '[{"id":"m-1"}]'])('lives through the nonsense %s', async (nonsense) => {
    await context.connections.commands.publish(inbox.channel, nonsense);
    sender.send('router-1', replyTo('m-1'));

    await until(() => expect(seen.map(({ id }) => id)).toEqual(['m-1']));
  });

  it('lets everyone go who still waits when it closes', async () => {
    const waiting = [inbox.wait('m-1', FOREVER), inbox.wait('m-1', FOREVER), inbox.wait('m-2', FOREVER)];

    await inbox.close();

    expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined]);
  });
});
