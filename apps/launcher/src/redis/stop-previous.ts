import { commandOf, isAlive, untilGone } from '../process-facts';
import { askRedis } from './ask-redis';
import type { RedisFolder } from './redis-folder';

/**
 * A server of a run that crashed may still serve this folder; two on one folder would destroy its data. It is stopped
 * cleanly (it writes and syncs its file first), and killed if it hangs.
 * @returns whether there was one.
 */
export const stopPrevious = async (folder: RedisFolder, graceMs = 10_000): Promise<boolean> => {
  const pid = (await byAsking(folder)) ?? byPidFile(folder);
  if (pid === undefined) return false;
  process.kill(pid, 'SIGTERM');
  if (await untilGone(pid, graceMs)) return true;
  process.kill(pid, 'SIGKILL');
  await untilGone(pid, graceMs);
  return true;
};

/** Whoever takes our password at the remembered port and names our folder is ours. */
const byAsking = async (folder: RedisFolder): Promise<number | undefined> => {
  const access = folder.lastAccess();
  if (!access) return undefined;
  const answer = await askRedis(access.port, access.password, ['CONFIG GET dir', 'INFO server']);
  const pid = Number(/process_id:(\d+)/.exec(answer)?.[1]);
  return answer.includes(`\n${folder.path}\r`) && pid > 0 ? pid : undefined;
};

/** One that hangs answers nobody, but it is the process of the pid file and calls itself a server on our port. */
const byPidFile = (folder: RedisFolder): number | undefined => {
  const pid = folder.lastPid();
  const port = folder.lastAccess()?.port;
  return pid !== undefined && isAlive(pid) && new RegExp(`(redis|valkey)-server .*:${port}\\b`).test(commandOf(pid)) ? pid : undefined;
};
