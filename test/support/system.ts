import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PlatformView, RequestRecord, SystemStatus } from '@conductor/contracts';
import { type AppName, findApps } from '@conductor/config';
import { until } from '@conductor/testing';
import { killGroup } from '../../apps/launcher/src/process-facts';
import { type Run, RunFile } from '../../apps/launcher/src/run-file';
import { Command, freshHome } from './command';
import { type Call, call, type Said } from './door';
import { type Found, processesOf } from './processes';

export const APPS: readonly string[] = findApps().map(({ name }) => name);
export type App = AppName;
/** An app, or `redis`. */
export type Program = string;

const SETTLED = ['answered', 'dead-lettered', 'discarded'];

/** The whole Conductor, started by its launcher as a person would: every app and Redis a process of its own. */
export class System {
  /** Every process it was seen to run, to make sure that none survives. */
  private readonly seen = new Set<number>();

  private constructor(
    readonly home: string,
    readonly command: Command,
  ) {}

  /** Starts it and waits until everything works. @param options.home an earlier one to start on again; `root`: another checkout, which is built */
  static async start({ home = freshHome(), env = {}, command = 'launcher', root }: { home?: string; env?: Record<string, string>; command?: 'launcher' | 'start'; root?: string } = {}): Promise<System> {
    const system = System.of(home, Command.run(command, home, env, root));
    try {
      await system.command.says(/The Conductor (is ready|runs, but)/);
      await system.untilWell();
      return system;
    } catch (error) {
      await system.remove();
      throw new Error(`the system did not start: ${(error as Error).message}\n${system.command.output.slice(-5_000)}`, { cause: error });
    }
  }

  /** One that is just starting. */
  static of(home: string, command: Command): System {
    return new System(home, command);
  }

  // What runs, and where.

  get run(): Run {
    const run = new RunFile(this.home).read();
    if (!run) throw new Error('there is no run.json: nothing runs');
    for (const { pid } of Object.values(run.apps)) if (pid !== undefined) this.seen.add(pid);
    return run;
  }

  /** Where an app's door is now; another one after each start, since every port is a free one. */
  url(app: App): string {
    const url = this.run.apps[app]?.url;
    if (url === undefined) throw new Error(`${app} has no door now`);
    return url;
  }

  pid(program: Program): number {
    const pid = this.run.apps[program]?.pid;
    if (pid === undefined) throw new Error(`${program} is not running`);
    return pid;
  }

  get key(): string {
    return readFileSync(join(this.home, 'admin-key'), 'utf8').trim();
  }

  // Talking to it.

  async ask<T = Record<string, unknown>>(app: App, path: string, options: Call = {}): Promise<Said<T>> {
    return call<T>(this.url(app) + path, { key: this.key, ...options });
  }

  /** Reads something that must be there. */
  async get<T = Record<string, unknown>>(app: App, path: string): Promise<T> {
    const { status, body } = await this.ask<T>(app, path);
    if (status !== 200) throw new Error(`GET ${path} at ${app}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  post<T = Record<string, unknown>>(app: App, path: string, body?: unknown, options: Call = {}): Promise<Said<T>> {
    return this.ask<T>(app, path, { method: 'POST', body, ...options });
  }

  put<T = Record<string, unknown>>(app: App, path: string, body: unknown): Promise<Said<T>> {
    return this.ask<T>(app, path, { method: 'PUT', body });
  }

  delete<T = Record<string, unknown>>(app: App, path: string): Promise<Said<T>> {
    return this.ask<T>(app, path, { method: 'DELETE' });
  }

  /** Sends a message by REST. */
  send<T = Record<string, unknown>>(message: object, options: Call = {}): Promise<Said<T>> {
    return this.post<T>('router', '/v1/requests', { kind: 'message', ...message }, options);
  }

  record(id: string): Promise<RequestRecord> {
    return this.get<RequestRecord>('router', `/v1/requests/${id}`);
  }

  /** The message's record once it is answered, dead-lettered or discarded. */
  settled(id: string, timeoutMs = 15_000): Promise<RequestRecord> {
    return until(async () => {
      const record = await this.record(id);
      if (!SETTLED.includes(record.state)) throw new Error(`${id} is ${record.state}: ${JSON.stringify(record.trail)}`);
      return record;
    }, timeoutMs);
  }

  platform(name: string): Promise<PlatformView> {
    return this.get<PlatformView>('conductor', `/v1/platforms/${name}`);
  }

  /** The platform once it is in a state. */
  untilPlatform(name: string, state: PlatformView['state'], timeoutMs = 20_000): Promise<PlatformView> {
    return until(async () => {
      const platform = await this.platform(name);
      if (platform.state !== state) throw new Error(`${name} is ${platform.state} (${platform.reason}), not ${state}`);
      return platform;
    }, timeoutMs);
  }

  /** Until every process is up and every platform ready. */
  async untilWell(timeoutMs = 40_000): Promise<void> {
    await until(async () => {
      const unready = Object.entries(this.run.apps).filter(([, { state }]) => state !== 'ready');
      if (unready.length > 0) throw new Error(`not ready: ${JSON.stringify(unready)}`);
      const { status, components, platforms } = await this.get<SystemStatus>('conductor', '/v1/status');
      if (status !== 'ok') throw new Error(`the system is ${status}: ${JSON.stringify({ components, platforms })}`);
    }, timeoutMs);
  }

  // Harming it.

  /** @returns the number of the process that was hit */
  kill(program: Program, signal: NodeJS.Signals = 'SIGKILL'): number {
    const pid = this.pid(program);
    process.kill(pid, signal);
    return pid;
  }

  /** Stops a process in its tracks, alive but deaf. @returns what wakes it up again */
  freeze(program: Program): () => void {
    const pid = this.kill(program, 'SIGSTOP');
    return () => void process.kill(pid, 'SIGCONT');
  }

  /** Until the launcher has started a killed program again and it works. */
  untilBack(program: Program, killed: number, timeoutMs = 30_000): Promise<number> {
    return until(() => {
      const { pid, state } = this.run.apps[program]!;
      if (pid === undefined || pid === killed || state !== 'ready') throw new Error(`${program} is ${state}`);
      return pid;
    }, timeoutMs);
  }

  /** `kill -9` of everything, Redis and the launcher too, as when a machine loses its power. */
  async killEverything(): Promise<void> {
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    await this.command.exit;
    await until(() => {
      const left = this.processes();
      if (left.length > 0) throw new Error(`still there: ${JSON.stringify(left)}`);
    });
  }

  // Ending it.

  /** Its living processes, the launcher included. */
  processes(): Found[] {
    const { pid } = this.command.process;
    try {
      void this.run;
    } catch {
      // Nothing is written down; what is still there is found all the same.
    }
    return processesOf(this.home, pid === undefined ? this.seen : [pid, ...this.seen]);
  }

  /** As Ctrl-C does; the home stays. @throws when it does not end well, or leaves a process behind */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    void this.processes();
    this.command.process.kill(signal);
    const code = await this.command.exit;
    const left = this.processes();
    if (code !== 0 || left.length > 0) throw new Error(`it ended with ${code} and left ${JSON.stringify(left)}:\n${this.command.output.slice(-3_000)}`);
  }

  /** Ends it, and leaves nothing. @throws what `end` throws */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    await this.end(signal).finally(() => this.remove());
  }

  /** Everything away, whatever the test has left of it. */
  async remove(): Promise<void> {
    for (const { pid } of this.processes()) {
      killGroup(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone with its group.
      }
    }
    await this.command.exit;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}
