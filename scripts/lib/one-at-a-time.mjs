import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from './problem.mjs';
import { inProject } from './project.mjs';
import { step } from './step.mjs';

const POLL_MS = 200;
/** Whoever holds the lock touches it so often … */
const TOUCH_MS = 1_000;
/** … and one that does not for so long is stopped, or its number is another program's by now. */
const SILENT_MS = Number(process.env.PREPARE_SILENT_MS) || 30_000;
/** The slowest line takes an install in less. */
const PATIENCE_MS = 30 * 60_000;

/** Two that install or build in the same folder would spoil it for each other: the second waits. @param what is done meanwhile, for whoever waits */
export const oneAtATime = async (what, work) => {
  const lock = inProject('.runtime', 'preparing.pid');
  mkdirSync(inProject('.runtime'), { recursive: true });
  if (!take(lock, what)) await step(`Waiting for another command in this folder: ${wordsOf(lock)}`, () => untilTaken(lock, what));
  const touching = setInterval(() => touch(lock), TOUCH_MS).unref();
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    process.off('exit', release);
    release();
  }
};

const untilTaken = async (lock, what) => {
  const startedAt = Date.now();
  let [seen, seenAt] = [undefined, startedAt];
  while (!take(lock, what)) {
    const touched = touchedAt(lock);
    if (touched !== seen) [seen, seenAt] = [touched, Date.now()];
    const silentMs = Date.now() - seenAt;
    if (silentMs > SILENT_MS || Date.now() - startedAt > PATIENCE_MS) {
      throw new Problem(
        `Another command in this folder does not come to an end: ${wordsOf(lock)}.`,
        silentMs > SILENT_MS ? 'It shows no sign of life: it may be stopped (`fg` goes on with it), or be another program that got its number.' : 'It is still at work after 30 min.',
        `End it, or if it is no command of ours remove ${lock}, and try again.`,
      );
    }
    await sleep(POLL_MS);
  }
};

const take = (lock, what) => {
  try {
    writeFileSync(lock, `${process.pid} ${what}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw new Problem(`${lock} cannot be written: ${error.message}.`, 'This user must be able to write to the project folder, and the disk must not be full.');
    if (!holderLives(lock)) discard(lock);
    return false;
  }
};

const read = (lock) => {
  try {
    const [pid, ...what] = readFileSync(lock, 'utf8').split(' ');
    return { pid: Number(pid), what: what.join(' ') };
  } catch {
    return { pid: 0, what: '' };
  }
};

const wordsOf = (lock) => {
  const { pid, what } = read(lock);
  return `${what || 'it is just preparing'}${pid > 0 ? ` (process ${pid})` : ''}`;
};

const holderLives = (lock) => {
  const { pid } = read(lock);
  // Empty for the instant between being made and being written, and gone when it has just been released.
  if (!(pid > 0)) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const touch = (lock) => {
  try {
    utimesSync(lock, new Date(), new Date());
  } catch {
    // Removed by a person: the work goes on.
  }
};

const touchedAt = (lock) => {
  try {
    return statSync(lock).mtimeMs;
  } catch {
    return undefined;
  }
};

/** Moved first: only one of several that wait gets to remove the stale file. */
const discard = (lock) => {
  try {
    renameSync(lock, `${lock}.stale`);
  } catch {
    // Another one was faster.
  }
};
