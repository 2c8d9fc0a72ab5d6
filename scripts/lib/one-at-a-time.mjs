import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProject } from './project.mjs';

/** Two that install or build in the same folder would spoil it for each other: the second waits. */
export const oneAtATime = async (work) => {
  const lock = inProject('.runtime', 'preparing.pid');
  mkdirSync(inProject('.runtime'), { recursive: true });
  for (let said = false; !take(lock); said = true) {
    if (!said) console.log('Another start, build or test is just preparing this folder; waiting for it …');
    await sleep(200);
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
};

const take = (lock) => {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!holderLives(lock)) discard(lock);
    return false;
  }
};

const holderLives = (lock) => {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // Empty for the instant between being made and being written.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
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
