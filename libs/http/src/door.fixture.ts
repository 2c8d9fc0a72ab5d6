import { randomBytes } from 'node:crypto';
import { type AppName, type Config, configFrom } from '@conductor/config';
import { createLogger } from '@conductor/observability';
import type { Type } from '@nestjs/common';
import { Redis } from 'ioredis';
import pino from 'pino';
import type { Role } from './roles';
import { ApiKeys } from './keys';
import { type AppOptions, type RunningApp, startApp } from './start-app';

/** The Redis that the tests are given. */
export const testRedisUrl = (): string => {
  const url = process.env['TEST_REDIS_URL'];
  if (!url) throw new Error('These tests need a real Redis: set TEST_REDIS_URL, e.g. redis://127.0.0.1:6379');
  return url;
};

interface TestAppOptions extends AppOptions {
  app?: AppName;
  env?: Parameters<typeof configFrom>[0];
}

/** An app with a free port and its own corner of Redis. Everything it logs is kept in `log`. */
export class TestApp {
  private constructor(
    readonly running: RunningApp,
    readonly config: Config,
    private readonly lines: string[],
  ) {}

  static async start(module: Type, { app = 'conductor', env, ...options }: TestAppOptions = {}): Promise<TestApp> {
    const config = configFrom({ CONDUCTOR_NAMESPACE: `t-${randomBytes(6).toString('hex')}`, REDIS_URL: testRedisUrl(), CONDUCTOR_PORT: '0', ROUTER_PORT: '0', LOG_LEVEL: 'debug', ...env });
    const lines: string[] = [];
    const logger = createLogger({ app, level: 'trace' });
    Object.assign(logger, { [pino.symbols.streamSym]: { write: (line: string) => lines.push(line) } });
    return new TestApp(await startApp(app, () => module, config, { ...options, logger }), config, lines);
  }

  get log(): string {
    return this.lines.join('');
  }

  get keys(): ApiKeys {
    return this.running.nest.get(ApiKeys);
  }

  async keyOf(role: Role): Promise<string> {
    return (await this.keys.create({ name: `a ${role}`, role })).key;
  }

  fetch(path: string, init: RequestInit & { key?: string; json?: unknown } = {}): Promise<Response> {
    const { key, json, ...rest } = init;
    return fetch(this.running.url + path, {
      redirect: 'manual',
      ...rest,
      ...(json !== undefined && { method: rest.method ?? 'POST', body: JSON.stringify(json) }),
      headers: { ...(key && { authorization: `Bearer ${key}` }), ...(json !== undefined && { 'content-type': 'application/json' }), ...(rest.headers as Record<string, string>) },
    });
  }

  /** Stops it and leaves nothing behind in Redis. */
  async end(): Promise<void> {
    await this.running.stop();
    const redis = new Redis(testRedisUrl());
    const keys = await redis.keys(`${this.config.namespace}:*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  }
}

/** Retries an assertion until it holds, instead of sleeping for as long as it might take. */
export const eventually = async (assertion: () => unknown, timeoutMs = 5_000): Promise<void> => {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      await assertion();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};
