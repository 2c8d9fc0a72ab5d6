import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, configFrom, findApps, portVariableOf } from '@conductor/config';
import { Redis } from 'ioredis';

/** The Redis of this test run; `npm test` starts one and names it here. */
export const testRedisUrl = (): string => {
  const url = process.env['TEST_REDIS_URL'];
  if (!url) throw new Error('These tests need a Redis: run them with `npm test -- <path>`, or set TEST_REDIS_URL.');
  return url;
};

/** A namespace that nobody else uses, so that tests can share one Redis and run side by side. */
export const testNamespace = (): string => `test-${randomBytes(6).toString('hex')}`;

/** A configuration on the tests' Redis with a namespace, a home and free ports of its own; `env` overrides. */
export const testConfig = (env: Readonly<Record<string, string>> = {}): Config => {
  const namespace = env['CONDUCTOR_NAMESPACE'] ?? testNamespace();
  return configFrom({
    REDIS_URL: testRedisUrl(),
    CONDUCTOR_NAMESPACE: namespace,
    CONDUCTOR_HOME: join(tmpdir(), `conductor-${namespace}`),
    ...Object.fromEntries(findApps().map(({ name }) => [portVariableOf(name), '0'])),
    PLUGIN_FOLDERS: join(tmpdir(), `conductor-${namespace}`, 'dropped'),
    PLUGIN_NODE_MODULES: join(tmpdir(), `conductor-${namespace}`, 'node_modules'),
    LOG_LEVEL: 'silent',
    ...env,
  });
};

/** Removes whatever a test has left: the keys of its namespace, and its home. */
export const forget = async ({ namespace, home, redisUrl }: Config): Promise<void> => {
  const redis = new Redis(redisUrl ?? testRedisUrl());
  try {
    for (const pattern of [`${namespace}:*`, `{${namespace}.*`, `{${namespace}:*`]) {
      for await (const keys of redis.scanStream({ match: pattern, count: 1_000 }) as AsyncIterable<string[]>) {
        if (keys.length > 0) await redis.unlink(...keys);
      }
    }
  } finally {
    redis.disconnect();
  }
  if (home.startsWith(tmpdir())) await rm(home, { recursive: true, force: true });
};
