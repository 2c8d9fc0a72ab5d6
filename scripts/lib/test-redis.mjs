import { spawn } from 'node:child_process';
import { node24 } from './machine.mjs';
import { Problem } from './problem.mjs';
import { inProject, ROOT } from './project.mjs';

/**
 * A Redis for this run only, unless TEST_REDIS_URL names one. It is served by a process that also ends, and removes
 * its files, when we are killed: nothing is left behind whatever happens.
 */
export const withTestRedis = async (work) => {
  if (process.env.TEST_REDIS_URL) return work(process.env.TEST_REDIS_URL);
  const server = spawn(node24(), [inProject('dist', 'apps', 'launcher', 'src', 'redis', 'redis-for-tests.js')], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Ctrl-C ends the tests first, and the Redis they use after them.
    detached: true,
  });
  const gone = new Promise((resolve) => server.once('exit', resolve));
  // Told to end while nothing else runs, we have to live on to clean up.
  const ending = () => server.kill('SIGTERM');
  process.on('SIGINT', ending).on('SIGTERM', ending);
  try {
    const { url, version } = await Promise.race([
      new Promise((resolve) => server.once('message', resolve)),
      gone.then(() => {
        throw new Problem('There is no Redis for the tests; see above.');
      }),
    ]);
    console.log(`${version} for the tests`);
    return await work(url);
  } finally {
    server.kill('SIGTERM');
    await gone;
    process.off('SIGINT', ending).off('SIGTERM', ending);
  }
};
