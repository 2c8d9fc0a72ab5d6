import type { HistoryRow } from '@conductor/contracts';
import { forget, openTestContext, testConfig, until } from '@conductor/testing';
import { HistoryFeed } from './history-feed';
import { HistoryReceiver } from './history-receiver';

/** Stands for the database: a row that comes again is stored once. */
class Store {
  readonly rows = new Map<string, HistoryRow>();
  error: Error | undefined;

  async write(rows: readonly HistoryRow[]): Promise<void> {
    if (this.error) throw this.error;
    for (const row of rows) this.rows.set(row.id, row);
  }
}

const config = testConfig();
const open = async () => {
  const { connections, logger, resources } = await openTestContext('conductor', testConfig({ CONDUCTOR_NAMESPACE: config.namespace }));
  const feed = resources.hold('feed', new HistoryFeed(connections, logger), (held) => held.close());
  const fill = async (rows: number) => {
    for (let ms = 0; ms < rows; ms++) feed.add('startup-step', { at: 1, boot: 'b', phase: 'p', result: 'ok', ms });
    await feed.close();
  };
  const receiver = (store: Store, isActive = () => true) => {
    const receives = resources.hold('receiver', new HistoryReceiver(connections, store, isActive, logger), (held) => held.close());
    receives.open();
    return receives;
  };
  return { resources, fill, receiver, commands: connections.commands, key: `${config.namespace}:history` };
};

describe('The receiver of history', () => {
  let stage: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => (stage = await open()));
  afterEach(async () => {
    await stage.resources.drain();
    await forget(config);
  });
  const untilEmpty = () => until(async () => expect(await stage.commands.xlen(stage.key)).toBe(0), 20_000);

  it('moves everything, also what does not fit into one step, and leaves nothing in Redis', async () => {
    await stage.fill(2_550);
    const store = new Store();
    const receiver = stage.receiver(store);

    await untilEmpty();
    expect(store.rows.size).toBe(2_550);
    expect(await receiver.health()).toEqual({ up: true, reason: '0 entries wait in Redis' });
  });

  it('leaves rows in Redis while they cannot be stored, says so, and moves them when they can', async () => {
    await stage.fill(150);
    const store = new Store();
    store.error = new Error('the disk is full');
    const receiver = stage.receiver(store);
    await until(async () => expect(await receiver.health()).toEqual({ up: false, reason: 'the database takes no history (the disk is full); 2 entries wait in Redis' }));

    store.error = undefined;
    await untilEmpty();
    expect(store.rows.size).toBe(150);
    expect((await receiver.health()).up).toBe(true);
  });

  it('touches nothing while another one acts', async () => {
    await stage.fill(1);
    const [store, others] = [new Store(), new Store()];
    const standby = stage.receiver(others, () => false);
    stage.receiver(store);

    await untilEmpty();
    expect([store.rows.size, others.rows.size]).toEqual([1, 0]);
    expect(await standby.health()).toEqual({ up: true, reason: 'standing by' });
  });

  it('loses and doubles nothing when two take themselves for the acting one', async () => {
    await stage.fill(3_000);
    const store = new Store();
    stage.receiver(store);
    stage.receiver(store);

    await untilEmpty();
    expect(store.rows.size).toBe(3_000);
  });

  it('takes what is left when it is closed', async () => {
    const store = new Store();
    const receiver = stage.receiver(store);
    await stage.fill(10);
    await receiver.close();

    expect(store.rows.size).toBe(10);
  });

  it('leaves out what it does not understand, and takes what stands beside it', async () => {
    const step = { kind: 'startup-step', id: 'known', row: { at: 1, boot: 'b', phase: 'p', result: 'ok', ms: 1 } };
    for (const text of ['{', '"text"', JSON.stringify([{ kind: 'of-tomorrow', id: 'x', row: {} }, step])]) await stage.commands.xadd(stage.key, '*', 'rows', text);
    const store = new Store();
    stage.receiver(store);

    await untilEmpty();
    expect([...store.rows.keys()]).toEqual(['known']);
  });
});
