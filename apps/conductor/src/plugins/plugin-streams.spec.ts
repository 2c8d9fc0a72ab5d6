import { PluginCommand, type PluginLogs } from '@conductor/contracts';
import { BoxKey, CommandListener, CommandRefused, Lease, PluginHosts } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import { openTestContext, until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

type Line = PluginLogs['lines'][number];
type Asked = Extract<PluginCommand, { do: 'logs' }>;

/** A plugin-host that only has logs. */
class HostDouble {
  readonly lines: Line[] = [];
  readonly asked: PluginCommand[] = [];
  forgetsTo = 0;
  running = true;
  private constructor(readonly context: AppContext, private readonly listener: () => CommandListener<PluginCommand>) {}

  static async open(system: ConductorHarness, leads: boolean): Promise<HostDouble> {
    const context = await openTestContext('plugin-host', system.config);
    const listener: CommandListener<PluginCommand> = new CommandListener(context.connections, PluginHosts.TOPIC, context.instance, PluginCommand, (command) => host.answer(command), context.logger);
    const host: HostDouble = new HostDouble(context, () => listener);
    await listener.open();
    await new PluginHosts(context.connections).report({ instance: context.instance, machine: 'here', pid: 1, at: Date.now() + 600_000, publicKey: new BoxKey().publicKey, settled: true, plugins: {} });
    if (leads) await new Lease(context.connections, PluginHosts.LEASE, context.instance, 600_000).holds();
    return host;
  }

  get name(): string {
    return this.context.instance;
  }

  write(...texts: string[]): void {
    for (const text of texts) this.lines.push({ position: this.lines.length + 1, at: Date.now(), stream: 'stdout', generation: 'g', pid: 7, text });
  }

  async close(): Promise<void> {
    await this.listener().close();
    await this.context.resources.drain();
  }

  private async answer(command: PluginCommand): Promise<unknown> {
    this.asked.push(command);
    if (!this.running) throw new CommandRefused('not-found', 'it does not run');
    if (command.do === 'resources') return { generations: [], incidents: this.lines.map(({ at, text }) => ({ kind: 'ended', detail: text, generation: 'g', firstAt: at, at, times: 1 })) };
    const { limit, after } = command as Asked;
    const kept = this.lines.filter(({ position }) => position > Math.max(after ?? 0, this.forgetsTo));
    const lines = after === undefined ? kept.slice(-limit) : kept.slice(0, limit);
    return { lines, pushedOut: this.forgetsTo, position: lines.at(-1)?.position ?? after ?? 0, gap: after !== undefined && this.forgetsTo > after };
  }
}

interface Read {
  id?: string;
  event: string;
  data: Record<string, unknown>;
}

/** Reads server-sent events as a browser does. */
class Reader {
  readonly events: Read[] = [];
  ended = false;
  private readonly gone = new AbortController();
  private constructor(readonly response: Promise<Response>) {}

  static async open(url: string, key: string, lastEventId?: string): Promise<Reader> {
    const gone = new AbortController();
    const reader = new Reader(fetch(url, { signal: gone.signal, headers: { accept: 'text/event-stream', authorization: `Bearer ${key}`, ...(lastEventId && { 'last-event-id': lastEventId }) } }));
    reader.gone.signal.addEventListener('abort', () => gone.abort());
    const response = await reader.response;
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    void reader.read(response);
    return reader;
  }

  /** Texts of all log lines, in the order in which they came. */
  get texts(): unknown[] {
    return this.events.filter(({ event }) => event === 'log').map(({ data }) => data['text']);
  }

  close(): void {
    this.gone.abort();
  }

  private async read({ body }: Response): Promise<void> {
    let rest = '';
    try {
      for await (const text of body!.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
          if (fields['data']) this.events.push({ ...(fields['id'] !== undefined && { id: fields['id'] }), event: fields['event'] ?? '', data: JSON.parse(fields['data']) as Read['data'] });
        }
      }
    } catch {
      // Closed here.
    }
    this.ended = true;
  }
}

let system: ConductorHarness;
let host: HostDouble;
let second: HostDouble;
let url: string;
let operator: string;
const readers: Reader[] = [];
const follow = async (what: string, lastEventId?: string) => {
  const reader = await Reader.open(`${url}/v1/plugins/chat/${what}`, operator, lastEventId);
  readers.push(reader);
  return reader;
};

beforeAll(async () => {
  system = ConductorHarness.prepare();
  host = await HostDouble.open(system, true);
  second = await HostDouble.open(system, false);
  await system.pretendHealthMonitor(host.context);
  ({ url } = await system.start());
  await system.open();
  operator = (await system.call<{ key: string }>('POST', '/v1/keys', { name: 'op', role: 'operator' })).body.key;
});
afterEach(() => readers.splice(0).forEach((reader) => reader.close()));
afterAll(async () => {
  await host.close();
  await second.close();
  await system.stop();
});

describe('the logs of a plugin as a stream', () => {
  it('begin with the newest lines and go on with each that is written, on every host', async () => {
    host.write('one', 'two', 'three');
    const reader = await follow('logs?limit=2');
    expect((await reader.response).headers.get('content-type')).toMatch(/^text\/event-stream/);
    await until(() => expect(reader.texts).toEqual(['two', 'three']));
    host.write('four');
    await until(() => expect(reader.texts).toEqual(['two', 'three', 'four']));
    second.write('from the other');
    await until(() => expect(reader.events.at(-1)).toMatchObject({ event: 'log', data: { host: second.name, text: 'from the other', stream: 'stdout' } }));
  });

  it('go on after the last event that a reader saw: nothing twice, nothing left out', async () => {
    const first = await follow('logs?limit=1');
    await until(() => expect(first.texts.length).toBeGreaterThan(0));
    host.write('a', 'b');
    await until(() => expect(first.texts.slice(-2)).toEqual(['a', 'b']));
    const { id } = first.events.find(({ data }) => data['text'] === 'a')!;
    first.close();
    host.write('c');
    second.write('d');

    const again = await follow('logs', id);

    await until(() => expect([...again.texts].sort()).toEqual(['b', 'c', 'd']));
    host.write('e');
    await until(() => expect([...again.texts].sort()).toEqual(['b', 'c', 'd', 'e']));
  });

  it('say when lines were pushed out before they could be read', async () => {
    host.forgetsTo = host.lines.length - 1;
    const reader = await follow('logs', `${host.name}:1`);
    await until(() => expect(reader.events[0]).toMatchObject({ event: 'gap', data: { host: host.name } }));
    await until(() => expect(reader.texts[0]).toBe(host.lines.at(-1)!.text));
    host.forgetsTo = 0;
  });

  it('wait while the plugin does not run, and say so once', async () => {
    const reader = await follow('logs?limit=1');
    host.running = false;
    await until(() => expect(reader.events.at(-1)).toMatchObject({ event: 'waiting', data: { reason: 'it does not run' } }));
    const asked = host.asked.length;
    await until(() => expect(host.asked.length).toBeGreaterThan(asked + 2));
    expect(reader.events.filter(({ event }) => event === 'waiting')).toHaveLength(1);
    host.running = true;
    host.write('back');
    await until(() => expect(reader.texts.at(-1)).toBe('back'));
  });

  it('need an operator, a plugin that runs and a limit that makes sense, and are refused as a problem otherwise', async () => {
    const viewer = (await system.call<{ key: string }>('POST', '/v1/keys', { name: 'v', role: 'viewer' })).body.key;
    const ask = async (path: string, key: string) => (await fetch(`${url}/v1/plugins/${path}`, { headers: { accept: 'text/event-stream', authorization: `Bearer ${key}` } }));
    expect((await ask('chat/logs', viewer)).status).toBe(403);
    expect((await ask('chat/logs', 'nobody')).status).toBe(401);
    expect((await ask('chat/logs?limit=0', operator)).status).toBe(400);
    host.running = false;
    const absent = await ask('chat/logs', operator);
    host.running = true;
    expect([absent.status, await absent.json()]).toEqual([404, expect.objectContaining({ code: 'not-found', detail: 'it does not run' })]);
  });

  it('are asked for no more when the reader is gone', async () => {
    const reader = await follow('logs');
    const other = await Reader.open(`${url}/v1/plugins/other/logs`, operator);
    readers.push(other);
    const looks = (name: string) => host.asked.filter((command) => 'name' in command && command.name === name).length;
    const before = looks('chat');
    await until(() => expect(looks('chat')).toBeGreaterThan(before + 1));
    reader.close();
    // Somebody who stays is the clock: one look may be under way, then there are several of his without any.
    await until(async () => {
      const [gone, stays] = [looks('chat'), looks('other')];
      await until(() => expect(looks('other')).toBeGreaterThan(stays + 3));
      expect(looks('chat')).toBe(gone);
    }, 20_000);
  });
});

describe('the resources of a plugin as a stream', () => {
  it('come when somebody begins to read, and again when they have changed', async () => {
    const viewer = (await system.call<{ key: string }>('POST', '/v1/keys', { name: 'v2', role: 'viewer' })).body.key;
    const reader = await Reader.open(`${url}/v1/plugins/chat/resources`, viewer);
    readers.push(reader);
    await until(() => expect(reader.events).toEqual([{ id: expect.any(String), event: 'resources', data: { hosts: [expect.objectContaining({ host: host.name }), expect.objectContaining({ host: second.name })] } }]));
    host.write('something happened');
    await until(() => expect(JSON.stringify(reader.events.at(-1))).toContain('something happened'));
    const polled = await system.call<{ hosts: unknown[] }>('GET', '/v1/plugins/chat/resources');
    expect(reader.events.at(-1)!.data).toEqual(polled.body);
  });
});

describe('a stream of a plugin', () => {
  it('ends when the conductor leaves, which does not wait for it', async () => {
    const reader = await follow('logs');
    const other = await follow('resources');
    await system.conductors.shift()!.stop();
    await until(() => expect([reader.ended, other.ended]).toEqual([true, true]));
  });
});
