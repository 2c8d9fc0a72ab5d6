import type { Config } from '@conductor/config';
import { ApiKeys, type RunningApp, startApp } from '@conductor/http';
import { forget, RouterDouble, testConfig, until } from '@conductor/testing';
import type { AndroidConfig } from '../android-config';
import { AndroidModule } from '../android.module';
import type { Tokens } from '../devices/sessions';
import { BrainDouble } from './brain-double';
import { PhoneLine } from './phone';

export interface Reply<T = Record<string, unknown>> {
  status: number;
  body: T;
  headers: Headers;
}

/** The whole app on real Redis with a router and a brain beside it, and phones in front of it. */
export class AndroidStage {
  private readonly lines: PhoneLine[] = [];
  private readonly more: RunningApp[] = [];

  private constructor(
    readonly config: Config,
    readonly changes: Partial<AndroidConfig>,
    readonly router: RouterDouble,
    readonly brain: BrainDouble,
    readonly app: RunningApp,
    private readonly operatorKey: string,
  ) {}

  /** @param env settings, beside the numbers of this platform */
  static async open(changes: Partial<AndroidConfig> = {}, env: Record<string, string> = {}): Promise<AndroidStage> {
    const config = testConfig(env);
    const router = await RouterDouble.open(config);
    const brain = new BrainDouble(router);
    const app = await startApp('android', (context) => AndroidModule.register(context, changes), config);
    await router.untilState('android', 'ready');
    const { key } = await app.nest.get(ApiKeys).create({ name: 'test', role: 'operator' });
    return new AndroidStage(config, changes, router, brain, app, key);
  }

  /** Another instance of the same platform, as in a process of its own. */
  async another(): Promise<RunningApp> {
    const app = await startApp('android', (context) => AndroidModule.register(context, this.changes), this.config);
    this.more.push(app);
    await until(async () => {
      if ((await fetch(`${app.url}/health/ready`)).status !== 200) throw new Error('it is not ready');
    });
    return app;
  }

  async call<T = Record<string, unknown>>(method: string, path: string, options: { body?: unknown; key?: string; url?: string } = {}): Promise<Reply<T>> {
    const response = await fetch((options.url ?? this.app.url) + path, {
      method,
      headers: { ...(options.key && { authorization: `Bearer ${options.key}` }), ...(options.body !== undefined && { 'content-type': 'application/json' }) },
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T, headers: response.headers };
  }

  asOperator<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Reply<T>> {
    return this.call(method, path, { key: this.operatorKey, ...(body !== undefined && { body }) });
  }

  async device(user: string): Promise<{ deviceId: string; deviceKey: string }> {
    return (await this.asOperator<{ deviceId: string; deviceKey: string }>('POST', '/v1/devices', { user })).body;
  }

  login(device: { deviceId: string; deviceKey: string }): Promise<Reply<Tokens>> {
    return this.call('POST', '/v1/login', { body: { deviceId: device.deviceId, deviceKey: device.deviceKey } });
  }

  /** A new device of a user, logged in. */
  async phone(user: string): Promise<Tokens> {
    return (await this.login(await this.device(user))).body;
  }

  send<T = Record<string, unknown>>({ accessToken }: Tokens, body: unknown): Promise<Reply<T>> {
    return this.call('POST', '/v1/messages', { body, key: accessToken });
  }

  /** A socket without any token. */
  dial(options: { query?: string; url?: string; protocols?: string[]; headers?: Record<string, string> } = {}): PhoneLine {
    const line = new PhoneLine(`${options.url ?? this.app.url}/v1/socket${options.query ?? ''}`, options.protocols, { headers: options.headers ?? {} });
    this.lines.push(line);
    return line;
  }

  /** A socket that is logged in. */
  async line({ accessToken }: Tokens, options: { after?: number; url?: string } = {}): Promise<PhoneLine> {
    const line = this.dial({ ...options, query: options.after === undefined ? '' : `?after=${options.after}`, headers: { authorization: `Bearer ${accessToken}` } });
    await line.next('ready');
    return line;
  }

  /** A message that nobody asked for. */
  unasked(user: string, text: string, id?: string): Promise<string> {
    return this.router.send('android', { kind: 'message', source: 'brain', user, content: { text }, ...(id !== undefined && { id }) });
  }

  async close(): Promise<void> {
    for (const line of this.lines) line.ws.terminate();
    await Promise.all([this.app, ...this.more].map((app) => app.stop()));
    await this.brain.close();
    await this.router.close();
    await forget(this.config);
  }
}
