import { GateFull, Priority, PriorityGate, priorityOf } from './priority-gate';

const never = new AbortController().signal;

/** Notes who comes in; everyone stays inside until told to leave. */
const crowd = (gate: PriorityGate) => {
  const entered: string[] = [];
  const refused: string[] = [];
  const leaves: Array<() => void> = [];
  return {
    entered,
    refused,
    come: (name: string, priority: Priority, signal = never) =>
      gate.enter(priority, signal).then(
        (leave) => void (entered.push(name), leaves.push(leave)),
        (error: unknown) => void refused.push(error instanceof GateFull ? name : `${name} gave up`),
      ),
    leaveOne: async () => {
      leaves.shift()!();
      await settle();
    },
  };
};
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the priority gate', () => {
  it.each([
    ['mention', Priority.mention],
    ['message', Priority.message],
    ['command', Priority.message],
    ['autonomous', Priority.autonomous],
  ])('takes the kind %s for what it is', (kind, priority) => expect(priorityOf(kind)).toBe(priority));

  it('lets as many in as it has places, and no more', async () => {
    const gate = new PriorityGate(2, 5);
    const { entered, come } = crowd(gate);
    for (const name of ['a', 'b', 'c']) void come(name, Priority.message);
    await settle();

    expect(entered).toEqual(['a', 'b']);
    expect([gate.running, gate.waiting]).toEqual([2, 1]);
  });

  it('lets mentions in before messages before autonomous ones, and equals in the order of their coming', async () => {
    const { entered, come, leaveOne } = crowd(new PriorityGate(1, 9));
    void come('first', Priority.autonomous);
    void come('auto 1', Priority.autonomous);
    void come('message 1', Priority.message);
    void come('mention 1', Priority.mention);
    void come('message 2', Priority.message);
    void come('mention 2', Priority.mention);
    void come('auto 2', Priority.autonomous);
    await settle();
    for (let leaving = 0; leaving < 6; leaving++) await leaveOne();

    expect(entered).toEqual(['first', 'mention 1', 'mention 2', 'message 1', 'message 2', 'auto 1', 'auto 2']);
  });

  it('refuses whoever comes when all places are taken by others as urgent', async () => {
    const { refused, come } = crowd(new PriorityGate(1, 2));
    for (const name of ['inside', 'waits 1', 'waits 2', 'too many']) void come(name, Priority.message);
    await settle();

    expect(refused).toEqual(['too many']);
  });

  it('gives the last place of the least urgent to somebody more urgent', async () => {
    const { entered, refused, come, leaveOne } = crowd(new PriorityGate(1, 2));
    void come('inside', Priority.message);
    void come('auto 1', Priority.autonomous);
    void come('auto 2', Priority.autonomous);
    void come('mention', Priority.mention);
    await settle();
    await leaveOne();

    expect(refused).toEqual(['auto 2']);
    expect(entered).toEqual(['inside', 'mention']);
  });

  it('frees the place of whoever gives up waiting', async () => {
    const gate = new PriorityGate(1, 1);
    const { entered, refused, come, leaveOne } = crowd(gate);
    const patience = new AbortController();
    void come('inside', Priority.message);
    void come('impatient', Priority.message, patience.signal);
    await settle();
    patience.abort(new Error('enough'));
    void come('next', Priority.message);
    await settle();
    await leaveOne();
    await leaveOne();

    expect(refused).toEqual(['impatient gave up']);
    expect(entered).toEqual(['inside', 'next']);
    expect([gate.running, gate.waiting]).toEqual([0, 0]);
  });

  it('counts a departure once', async () => {
    const gate = new PriorityGate(1, 1);
    const leave = await gate.enter(Priority.message, never);
    leave();
    leave();

    expect(gate.running).toBe(0);
  });
});
