import { openTestContext, until } from '@conductor/testing';
import { z } from 'zod';
import { CommandCaller, CommandListener, CommandRefused, NobodyThere } from './commands';
import { BoxKey, seal } from './sealed-box';

const SILENCE_MS = 2_000;
const Command = z.object({ do: z.string() });

let context: Awaited<ReturnType<typeof openTestContext>>;
let caller: CommandCaller;
beforeAll(async () => {
  context = await openTestContext('conductor');
  caller = new CommandCaller(context.connections, 'test-commands', SILENCE_MS);
  await caller.open();
});
afterAll(async () => {
  await caller.close();
  await context.resources.drain();
});

const listen = async (name: string, carryOut: (command: z.output<typeof Command>) => Promise<unknown>) => {
  const listener = new CommandListener(context.connections, 'test-commands', name, Command, carryOut, context.logger, SILENCE_MS / 20);
  await listener.open();
  return listener;
};

it('brings a command to the one that is named, and its answer back', async () => {
  const others: string[] = [];
  const listeners = [await listen('a', async (command) => ({ heard: command.do })), await listen('b', async (command) => others.push(command.do))];

  expect(await Promise.all([caller.ask('a', { do: 'sing' }), caller.ask('a', { do: 'dance' })])).toEqual([{ heard: 'sing' }, { heard: 'dance' }]);
  expect(others).toEqual([]);
  for (const listener of listeners) await listener.close();
});

it('waits longer than the silence it takes for death, as long as the other one says that it is at it', async () => {
  const listener = await listen('slow', () => new Promise((resolve) => setTimeout(resolve, SILENCE_MS * 1.5, { done: true })));
  expect(await caller.ask('slow', { do: 'think' })).toEqual({ done: true });
  await listener.close();
}, 20_000);

it('gives up when nobody of that name is there', async () => {
  await expect(caller.ask('nobody', { do: 'sing' })).rejects.toBeInstanceOf(NobodyThere);
}, 20_000);

it('ends with the signal of who asks', async () => {
  await expect(caller.ask('nobody', { do: 'sing' }, AbortSignal.abort(new Error('never mind')))).rejects.toThrow('never mind');
});

it('tells a refusal with its code and reason; what went wrong inside is told without its details', async () => {
  const listener = await listen('strict', async (command) => {
    if (command.do === 'sing') throw new CommandRefused('plugin-busy', 'one song at a time', [{ field: 'song', message: 'busy' }]);
    throw new TypeError('x is not a function');
  });
  await expect(caller.ask('strict', { do: 'sing' })).rejects.toMatchObject({ code: 'plugin-busy', detail: 'one song at a time', errors: [{ field: 'song', message: 'busy' }] });
  await expect(caller.ask('strict', { do: 'dance' })).rejects.toMatchObject({ code: 'internal' });
  await expect(caller.ask('strict', { make: 'tea' })).rejects.toMatchObject({ code: 'invalid-request' });
  await listener.close();
});

it('is not upset by what is no command', async () => {
  const listener = await listen('calm', async () => ({ calm: true }));
  for (const noise of ['', '{', 'null', '{"id":7}']) await context.connections.commands.publish(`${context.connections.namespace}:test-commands`, noise);
  await until(async () => expect(await caller.ask('calm', { do: 'sit' })).toEqual({ calm: true }));
  await listener.close();
});

describe('a sealed box', () => {
  it('is opened by the one it was sealed for, and by nobody else', () => {
    const [ada, eve] = [new BoxKey(), new BoxKey()];
    const box = seal('häßlich geheim', ada.publicKey);
    expect(ada.open(box)).toBe('häßlich geheim');
    expect(() => eve.open(box)).toThrow();
    expect(seal('häßlich geheim', ada.publicKey)).not.toBe(box);
  });

  it('is not opened when anything in it was changed', () => {
    const ada = new BoxKey();
    const bytes = Buffer.from(seal('secret', ada.publicKey), 'base64');
    for (const at of [0, 35, 45, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => ada.open(changed.toString('base64'))).toThrow();
    }
    expect(() => ada.open('AAAA')).toThrow('no sealed box');
  });
});
