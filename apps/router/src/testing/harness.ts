import { type AppContext, ApiKeys, type RunningApp, startApp } from '@conductor/http';
import type { Config } from '@conductor/config';
import { PlatformDirectory, RouteStore } from '@conductor/control';
import { DeadLetters, Ledger } from '@conductor/bus';
import type { Answer, PluginHealth, ProblemDocument, RequestRecord, RouteRule } from '@conductor/contracts';
import { type PlatformContext, type PlatformDefinition, PlatformHost, type PlatformPlugin, type PlatformRequest } from '@conductor/platform-kit';
import { forget, openTestContext, testConfig, until } from '@conductor/testing';
import { RouterModule } from '../router.module';

/** A platform that does as it is told and remembers what it was asked. */
export class ScriptedPlatform implements PlatformPlugin {
  readonly asked: PlatformRequest[] = [];
  behave: (request: PlatformRequest, signal: AbortSignal) => Promise<Answer> = async (request) => ({ text: `${this.name} heard ${String(request.content)}` });

  constructor(readonly name: string) {}

  definition(overrides: Partial<PlatformDefinition> = {}): PlatformDefinition {
    return { name: this.name, create: () => this, config: {}, repeatable: true, ...overrides };
  }
  context?: PlatformContext;

  async initialize(_config: unknown, context: PlatformContext): Promise<void> {
    this.context = context;
  }
  async healthCheck(): Promise<PluginHealth> {
    return { status: 'ok' };
  }
  async handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    this.asked.push(request);
    return this.behave(request, signal);
  }
  async shutdown(): Promise<void> {}
}

export interface Answered<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T & Partial<ProblemDocument>;
}

/** A router with its platforms, on real Redis; the conductor and the health monitor are played by the test. */
export class RouterHarness {
  readonly routers: RunningApp[] = [];
  private readonly hosts: AppContext[] = [];
  private key = '';
  deadLetters!: DeadLetters;
  ledger!: Ledger;
  directory!: PlatformDirectory;
  routes!: RouteStore;

  private constructor(readonly config: Config) {}

  static async start(env: Parameters<typeof testConfig>[0] = {}): Promise<RouterHarness> {
    const harness = new RouterHarness(testConfig({ BREAKER_OPEN_MS: '300', ...env }));
    const router = await harness.addRouter();
    const { connections, notices, logger } = router.context;
    await connections.commands.set(`${connections.namespace}:phase`, 'open');
    harness.key = (await new ApiKeys(connections, notices, logger).create({ name: 'test', role: 'admin' })).key;
    harness.directory = new PlatformDirectory(connections, notices, logger);
    await harness.directory.open();
    harness.routes = new RouteStore(connections, notices);
    await harness.routes.open();
    harness.ledger = new Ledger(connections.commands, connections.namespace, harness.config.messages);
    harness.deadLetters = new DeadLetters(connections.forProducer(), connections.namespace);
    await connections.untilReady();
    await until(async () => expect((await fetch(`${router.url}/health/ready`)).status).toBe(200));
    return harness;
  }

  async addRouter(): Promise<RunningApp> {
    const router = await startApp('router', (context) => RouterModule.register(context), this.config);
    this.routers.push(router);
    return router;
  }

  async createKey(role: 'viewer' | 'ingress', { name = role, sources }: { name?: string; sources?: string[] } = {}): Promise<string> {
    const { connections, notices, logger } = this.routers[0]!.context;
    return (await new ApiKeys(connections, notices, logger).create({ name, role, sources })).key;
  }

  async get<T>(path: string, key = this.key): Promise<{ status: number; body: T }> {
    const response = await fetch(this.routers[0]!.url + path, { headers: { authorization: `Bearer ${key}` } });
    return { status: response.status, body: (await response.json()) as T };
  }

  /** Starts a process-like host of one platform. */
  async platform(name: string, overrides: Partial<PlatformDefinition> = {}): Promise<ScriptedPlatform> {
    const platform = new ScriptedPlatform(name);
    const context = await openTestContext('stubs', this.config);
    this.hosts.push(context);
    await this.directory.desire(name, { enabled: true, pinned: false, restarts: 0 });
    await until(() => expect(this.directory.has(name)).toBe(true));
    const host = await PlatformHost.open(context, [platform.definition(overrides)]);
    const { id } = host.instances[0]!;
    await context.notices.publish({ type: 'start-permit', platform: name, instance: id });
    await until(() => expect(host.instances[0]!.state.lifecycle).toBe('ready'));
    return platform;
  }

  async use(rules: Array<Partial<RouteRule> & Pick<RouteRule, 'id' | 'target'>>): Promise<void> {
    await this.routes.save(rules.map((rule) => ({ match: {}, fallbacks: [], ...rule })));
  }

  async judge(name: string, state: 'ready' | 'failed', reason: string = state): Promise<void> {
    const version = (this.directory.verdicts.get(name)?.version ?? 0) + 1;
    await this.directory.judge({ name, state, reason, since: Date.now(), version, at: Date.now(), instances: [] });
  }

  async send<T = Record<string, unknown>>(body: object | string, options: { key?: string | null; router?: number; path?: string } = {}): Promise<Answered<T>> {
    const { key = this.key, router = 0, path = '/v1/requests' } = options;
    const response = await fetch(this.routers[router]!.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== null && { authorization: `Bearer ${key}` }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answered<T>['body'] };
  }

  async record(id: string): Promise<RequestRecord> {
    const response = await fetch(`${this.routers[0]!.url}/v1/requests/${id}`, { headers: { authorization: `Bearer ${this.key}` } });
    return (await response.json()) as RequestRecord;
  }

  async stop(): Promise<void> {
    this.directory.close();
    this.routes.close();
    await this.deadLetters.close();
    await Promise.all(this.hosts.map((context) => context.resources.drain()));
    await Promise.all(this.routers.map((router) => router.stop()));
    await forget(this.config);
  }
}
