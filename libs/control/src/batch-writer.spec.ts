import { until } from '@conductor/testing';
import { BatchWriter, type BatchWriterEvent, type BatchWriterOptions } from './batch-writer';

/** A store whose failures the test decides; it keeps what was written. */
class Store {
  rows: number[] = [];
  batches: number[] = [];
  error: Error | undefined;

  readonly write = async (rows: readonly number[]): Promise<void> => {
    if (this.error) throw this.error;
    this.batches.push(rows.length);
    this.rows.push(...rows);
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

describe('A batch writer', () => {
  const events: BatchWriterEvent[] = [];
  let store: Store;
  const writing = (options: BatchWriterOptions = {}) => {
    store = new Store();
    events.length = 0;
    return new BatchWriter<number>(store.write, { flushEveryMs: 20, firstBackoffMs: 5, maxBackoffMs: 20, onEvent: (event) => events.push(event), ...options });
  };

  it('writes rows after a while, in the order in which they came', async () => {
    const writer = writing();
    range(0, 10).forEach((row) => writer.add(row));

    expect(store.rows).toEqual([]);
    await until(() => expect(store.rows).toEqual(range(0, 10)));
    expect(writer.stats()).toEqual({ buffered: 0, written: 10, dropped: 0 });
  });

  it('writes as soon as a batch is full, and never more than a batch at once', async () => {
    const writer = writing({ flushEveryMs: 60_000, batchSize: 100 });
    range(0, 350).forEach((row) => writer.add(row));

    await until(() => expect(store.batches).toEqual([100, 100, 100]));
    expect(await writer.flush()).toBe(0);
    expect(store.rows).toEqual(range(0, 350));
  });

  it('keeps rows while they cannot be written and writes them in order when it is back', async () => {
    const writer = writing();
    store.error = new Error('gone');
    range(0, 5).forEach((row) => writer.add(row));
    await until(() => expect(writer.stats()).toMatchObject({ buffered: 5, written: 0, lastError: { message: 'gone' } }));

    range(5, 10).forEach((row) => writer.add(row));
    store.error = undefined;

    await until(() => expect(store.rows).toEqual(range(0, 10)));
    expect(writer.stats().lastError).toBeUndefined();
  });

  it('tells once that nothing can be written and once that it can again', async () => {
    const writer = writing({ maxBuffered: 3 });
    store.error = new Error('gone');
    writer.add(0);
    await until(() => expect(events).toHaveLength(1));
    range(1, 6).forEach((row) => writer.add(row));
    await writer.flush(AbortSignal.timeout(100));
    store.error = undefined;
    await until(() => expect(events).toHaveLength(2));

    expect(events).toEqual([
      { type: 'away', error: 'gone', buffered: 1 },
      { type: 'back', afterMs: expect.any(Number), droppedMeanwhile: 3 },
    ]);
  });

  it('drops the oldest rows, and counts them, when its buffer is full', async () => {
    const writer = writing({ maxBuffered: 100 });
    store.error = new Error('gone');
    range(0, 250).forEach((row) => writer.add(row));
    await writer.flush(AbortSignal.timeout(50));
    expect(writer.stats()).toMatchObject({ buffered: 100, dropped: 150 });

    store.error = undefined;
    await writer.flush();
    expect(store.rows).toEqual(range(150, 250));
  });

  it('says on a flush that ran out of time how many rows are left', async () => {
    const writer = writing();
    store.error = new Error('gone');
    range(0, 7).forEach((row) => writer.add(row));

    expect(await writer.flush(AbortSignal.timeout(30))).toBe(7);
    expect(await writer.flush(AbortSignal.abort())).toBe(7);
  });

  it('goes on when a listener to its events throws', async () => {
    const writer = writing({ onEvent: () => { throw new Error('bad listener'); } });
    store.error = new Error('gone');
    writer.add(1);
    await until(() => expect(writer.stats().lastError).toBeDefined());
    store.error = undefined;

    expect(await writer.flush()).toBe(0);
    expect(store.rows).toEqual([1]);
  });
});
