import { setTimeout as pause } from 'node:timers/promises';
import { until } from '@conductor/testing';
import type { HistoryItem } from '../messages/history-item';
import { OrderedFeed } from './ordered-feed';

const item = (position: number): HistoryItem => ({ position, type: 'message', id: `m-${position}`, kind: 'message', content: 'x', at: 0 });
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => n + first);

/** A feed before a history that grows, with all the time in the world between reading and sending. */
const feedOf = (kept: number) => {
  const history = upTo(kept).map(item);
  const sent: number[] = [];
  const broken: unknown[] = [];
  let reads = 0;
  const feed = new OrderedFeed({
    read: async (after) => {
      reads++;
      const found = history.filter(({ position }) => position > after);
      await pause(Math.random() * 3);
      return found;
    },
    send: ({ position }) => void sent.push(position),
    sendPaced: async ({ position }) => {
      sent.push(position);
      await pause(0);
    },
    broken: (error) => broken.push(error),
  });
  const keep = () => {
    const kept = item(history.length + 1);
    history.push(kept);
    return kept;
  };
  return { feed, sent, keep, broken, reads: () => reads };
};

describe('an ordered feed', () => {
  it('sends what was missed, then what comes live', async () => {
    const { feed, sent, keep } = feedOf(5);
    feed.open(2);
    feed.offer(keep());

    await until(() => expect(sent).toEqual([3, 4, 5, 6]));
  });

  it.each(upTo(20))('leaves nothing out and sends nothing twice when pushes are lost, doubled and out of order (round %i)', async () => {
    const { feed, sent, keep } = feedOf(10);
    feed.offer(keep());
    feed.open(0);
    for (let n = 0; n < 60; n++) {
      const group = upTo(1 + Math.floor(Math.random() * 3)).map(keep);
      const pushes = [...group, ...group].filter(() => Math.random() > 0.3).sort(() => Math.random() - 0.5);
      for (const push of pushes) feed.offer(push);
      if (Math.random() > 0.5) await pause(Math.random() * 2);
    }
    feed.catchUp();
    const last = keep();
    feed.offer(last);

    await until(() => expect(sent.at(-1)).toBe(last.position));
    expect(sent).toEqual(upTo(last.position));
  });

  it('asks the history only when something is missing', async () => {
    const { feed, sent, keep, reads } = feedOf(0);
    feed.open(0);
    await until(() => expect(reads()).toBe(1));
    await pause(5);

    for (let n = 0; n < 10; n++) feed.offer(keep());

    expect(sent).toEqual(upTo(10));
    expect(reads()).toBe(1);
  });

  it('holds live items back until it is opened', async () => {
    const { feed, sent, keep } = feedOf(3);
    feed.offer(keep());
    expect(sent).toEqual([]);

    feed.open(3);

    await until(() => expect(sent).toEqual([4]));
  });

  it('goes back to an earlier position without repeating what it sent', async () => {
    const { feed, sent, keep } = feedOf(5);
    feed.open(5);
    feed.offer(keep());
    await until(() => expect(sent).toEqual([6]));

    await feed.goBack(3);
    await feed.goBack(3);
    await feed.goBack(1);

    expect(sent).toEqual([6, 4, 5, 2, 3]);
  });

  it('ends when the history cannot be read, rather than leave something out', async () => {
    const broken: unknown[] = [];
    const sent: number[] = [];
    const send = ({ position }: HistoryItem) => void sent.push(position);
    const feed = new OrderedFeed({ read: () => Promise.reject(new Error('away')), send, sendPaced: async (it) => send(it), broken: (error) => broken.push(error) });
    feed.open(0);
    await until(() => expect(broken).toHaveLength(1));

    feed.offer(item(1));

    expect(sent).toEqual([]);
  });
});
