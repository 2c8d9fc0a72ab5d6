import type { RedisConnections } from '@conductor/connections';
import type { PlatformState } from '@conductor/contracts';
import { PlatformDirectory } from '@conductor/control';
import { forget, openTestContext, testConfig, until } from '@conductor/testing';
import { type Admission, BreakerBoard, shownBreakers } from './index';

type Admitted = Extract<Admission, { admitted: true }>;

const SETTINGS = { volume: 2, errorPercent: 50, openMs: 60_000, maxOpenMs: 60_000 };

describe('the breakers of a router', () => {
  const config = testConfig();
  const opened: Array<Awaited<ReturnType<typeof openTestContext>>> = [];

  /** A router as far as its breakers go. */
  const openRouter = async () => {
    const context = await openTestContext('router', config);
    const { connections, notices, logger, resources, instance } = context;
    const directory = resources.hold('directory', new PlatformDirectory(connections, notices, logger), (open) => open.close());
    await directory.open();
    const board = resources.hold('breakers', new BreakerBoard(instance, connections, notices, directory, SETTINGS, logger), (open) => open.close());
    opened.push(context);
    return { board, directory, connections };
  };
  type Router = Awaited<ReturnType<typeof openRouter>>;

  let one: Router;
  let other: Router;
  let version = 0;

  beforeEach(async () => {
    [one, other] = await Promise.all([openRouter(), openRouter()]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ resources }) => resources.drain()));
    await forget(config);
  });

  const judge = (state: PlatformState['state']) => one.directory.judge({ name: 'discord', state, reason: `it is ${state}`, since: Date.now(), version: ++version, at: Date.now(), instances: [] });
  const probeKey = ({ namespace }: RedisConnections) => `${namespace}:probe:discord:message`;

  /** Both have opened their breaker and may probe now. */
  const bothHalfOpen = async () => {
    await Promise.all([one, other].map(({ board }) => board.admit('discord', 'message')));
    await judge('failed');
    await until(() => expect([one, other].map(({ board }) => board.position('discord', 'message').position)).toEqual(['open', 'open']));
    await judge('ready');
    await until(() => expect([one, other].map(({ board }) => board.position('discord', 'message').position)).toEqual(['half-open', 'half-open']));
  };

  it('let one message probe, in whichever router, and the next when that one has ended', async () => {
    await bothHalfOpen();

    const admissions = await Promise.all([one, other, one, other].map(({ board }) => board.admit('discord', 'message')));
    const probes = admissions.filter((admission): admission is Admitted => admission.admitted);
    expect(probes).toHaveLength(1);

    probes[0]!.settle('neutral');
    await until(async () => expect(await one.connections.commands.exists(probeKey(one.connections))).toBe(0));
    expect(await other.board.admit('discord', 'message')).toMatchObject({ admitted: true, probe: true });
  });

  it('do not give up the slot of another router when a probe ends that was taken for lost', async () => {
    await bothHalfOpen();
    const late = (await one.board.admit('discord', 'message')) as Admitted;
    // What time would do: the slot runs out, and another router takes it.
    await one.connections.commands.del(probeKey(one.connections));
    expect(await other.board.admit('discord', 'message')).toMatchObject({ admitted: true, probe: true });

    late.settle('success');
    await until(() => expect(one.board.position('discord', 'message').position).toBe('closed'));
    await one.connections.commands.ping();

    expect(await one.connections.commands.exists(probeKey(one.connections))).toBe(1);
  });

  it('are forced by an operator in every router, also those that come later', async () => {
    await one.board.admit('discord', 'message');
    await one.directory.desire('discord', { enabled: true, forcedBreaker: 'open' });

    await until(async () => {
      for (const { board } of [one, other]) expect(await board.admit('discord', 'message')).toMatchObject({ admitted: false, why: 'forced open by an operator' });
    });
    const { board } = await openRouter();
    expect(await board.admit('discord', 'command')).toMatchObject({ admitted: false });

    await one.directory.desire('discord', { forcedBreaker: null });
    await until(async () => expect(await other.board.admit('discord', 'message')).toMatchObject({ admitted: true }));
  });

  it('guard each kind of message by itself', async () => {
    for (let i = 0; i < 2; i++) ((await one.board.admit('discord', 'message')) as Admitted).settle('failure', 'no');

    await until(() => expect(one.board.position('discord', 'message')).toEqual({ position: 'open', why: 'no' }));
    expect(one.board.position('discord', 'command').position).toBe('closed');
    expect(await one.board.admit('discord', 'command')).toMatchObject({ admitted: true });
  });

  it('share one where callers name more kinds than a platform can have', async () => {
    for (let i = 0; i < 32; i++) await one.board.admit('discord', `kind-${i}`);

    for (const kind of ['one-more', 'another']) ((await one.board.admit('discord', kind)) as Admitted).settle('failure', 'no');

    await until(() => expect(one.board.position('discord', 'yet-another').position).toBe('open'));
    expect(one.board.states().map(({ operation }) => operation)).toContain('others');
    expect(one.board.states()).toHaveLength(33);
  });

  it('are shown to everyone when they change, and taken away with their router', async () => {
    for (let i = 0; i < 2; i++) ((await one.board.admit('discord', 'message')) as Admitted).settle('failure', 'no');

    await until(async () => expect(await shownBreakers(other.connections)).toEqual([expect.objectContaining({ platform: 'discord', operation: 'message', position: 'open', reason: 'no', openings: 1 })]));

    await one.board.close();
    expect(await shownBreakers(other.connections)).toEqual([]);
  });
});
