import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '@conductor/config';
import type { ProblemDocument } from '@conductor/contracts';
import { type AppContext, type RunningApp, startApp } from '@conductor/http';
import { type PlatformDefinition, PlatformHost, type PlatformPlugin } from '@conductor/platform-kit';
import { forget, openTestContext, testConfig, until } from '@conductor/testing';
import { conductorApp } from '../conductor-app';

export interface Answer<T> {
  status: number;
  body: T & { code?: ProblemDocument['code']; detail?: string };
  headers: Headers;
}

/** A platform that only is there. */
export const quiet = (overrides: Partial<PlatformPlugin> = {}): PlatformPlugin => ({
  initialize: async () => {},
  healthCheck: async () => ({ status: 'ok' }),
  handleRequest: async () => ({ text: 'ok' }),
  shutdown: async () => {},
  ...overrides,
});

/** A conductor on real Redis and a real SQLite file, with platforms hosted beside it. */
export class ConductorHarness {
  readonly conductors: RunningApp[] = [];
  private readonly hosts: AppContext[] = [];
  private key = '';

  private constructor(readonly config: Config) {}

  static prepare(env: Parameters<typeof testConfig>[0] = {}): ConductorHarness {
    return new ConductorHarness(testConfig({ STARTUP_PLATFORMS: '', STARTUP_GIVE_UP_MS: '10000', STARTUP_WARN_MS: '200', STARTUP_RETRY_BASE_MS: '50', ...env }));
  }

  /** Without a health monitor start-up waits for one until it gives up; tests that are not about it say that one is there. */
  async pretendHealthMonitor(context: AppContext): Promise<void> {
    await context.connections.commands.set(`${context.connections.namespace}:lease:health-monitor`, 'test');
  }

  async start(): Promise<RunningApp> {
    const { build, options } = conductorApp();
    const conductor = await startApp('conductor', build, this.config, options);
    this.conductors.push(conductor);
    return conductor;
  }

  async open(): Promise<void> {
    await until(async () => expect((await fetch(`${this.conductors[0]!.url}/health/ready`)).status).toBe(200));
    this.key = (await readFile(join(this.config.home, 'admin-key'), 'utf8')).trim();
  }

  async host(...definitions: Array<Partial<PlatformDefinition> & Pick<PlatformDefinition, 'name' | 'create'>>): Promise<{ host: PlatformHost; context: AppContext }> {
    const context = await openTestContext('stubs', this.config);
    this.hosts.push(context);
    await this.pretendHealthMonitor(context);
    const host = await PlatformHost.open(context, definitions.map((definition) => ({ config: {}, repeatable: true, ...definition })));
    return { host, context };
  }

  async call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, options: { key?: string | null; conductor?: number } = {}): Promise<Answer<T>> {
    const key = options.key === undefined ? this.key : options.key;
    const response = await fetch(this.conductors[options.conductor ?? 0]!.url + path, {
      method,
      headers: { ...(key !== null && { authorization: `Bearer ${key}` }), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Answer<T>['body'] };
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((context) => context.resources.drain()));
    await Promise.all(this.conductors.map((conductor) => conductor.stop()));
    await forget(this.config);
  }
}
