import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../project-root';
import { EmbeddedRedis } from './embedded-redis';
import { findRedis } from './find-redis';
import { RedisFolder } from './redis-folder';

/**
 * A process of its own that serves one Redis for a test run: `{ type: 'listening', url }` when it can be used. It and
 * its files are gone when it is told to stop, and also when whoever started it dies.
 */
const serve = async (): Promise<void> => {
  const binary = await findRedis({
    path: process.env['PATH'] ?? '',
    runtimeDir: join(projectRoot(), '.runtime'),
    say: (line) => console.log(line),
  });
  const folder = new RedisFolder(mkdtempSync(join(tmpdir(), 'conductor-test-redis-')));
  const redis = await EmbeddedRedis.on(folder, binary, 'throw-away');
  const child = redis.spawn();
  const ended = new AbortController();
  const leave = () => child.kill('SIGTERM');
  child.once('exit', () => {
    ended.abort();
    rmSync(folder.path, { recursive: true, force: true });
    process.exit(0);
  });
  process.on('SIGTERM', leave).on('SIGINT', leave).on('disconnect', leave);
  await redis.untilReady(child, ended.signal);
  process.send?.({ type: 'listening', url: redis.url, version: binary.version });
};

serve().catch((error: Error) => {
  console.error(error.name === 'CannotStart' ? error.message : error);
  process.exit(1);
});
