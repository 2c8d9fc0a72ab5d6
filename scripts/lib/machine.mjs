import { execFileSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Problem } from './problem.mjs';
import { inProject, ROOT } from './project.mjs';

const OLDEST_TO_INSTALL_WITH = 20;
const RUNS_ON = 24;

/** What is needed before anything can be installed. */
export const checkMachine = () => {
  if (major(process.version) < OLDEST_TO_INSTALL_WITH) {
    throw new Problem(
      `This is Node ${process.version}; at least Node ${OLDEST_TO_INSTALL_WITH} is needed to install the Conductor.`,
      'Get a newer one from https://nodejs.org or through your package manager, and try again.',
    );
  }
  if (process.platform === 'win32') {
    throw new Problem('The Conductor runs on Linux and macOS.', 'On Windows, use WSL (https://learn.microsoft.com/windows/wsl) and try again in there.');
  }
};

/** How to call npm: the one that called us, else the one on the PATH. */
export const npm = () => {
  const own = process.env.npm_execpath;
  if (own && existsSync(own) && /\.[cm]?js$/.test(own)) return [process.execPath, own];
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm')).find(existsSync);
  if (found) return [found];
  throw new Problem('There is no npm on the PATH.', 'It comes with Node from https://nodejs.org; on Debian and Ubuntu also as the package `npm`. Install it and try again.');
};

export const freeMegabytes = () => {
  const { bavail, bsize } = statfsSync(ROOT);
  return Math.floor((bavail * bsize) / 1e6);
};

/**
 * The Node that runs everything: installed with the dependencies, else the machine's own if it is new enough. For Apple's processors npm
 * has no Node 24, but the long-term version after it, which runs all tests too.
 */
export const node24 = () => {
  const installed = (name) => inProject('node_modules', `${name}-${process.platform}-${process.arch}`, 'bin', 'node');
  const candidates = [installed('node'), process.execPath, 'node', installed('node-bin')];
  const found = candidates.find((file) => major(versionOf(file)) >= RUNS_ON);
  if (found) return found;
  throw new Problem(
    `Node ${RUNS_ON} or newer is needed, and npm has none for this machine (${process.platform}-${process.arch}).`,
    `This is Node ${process.version}. Install Node ${RUNS_ON} (macOS: \`brew install node@${RUNS_ON}\`; anywhere: https://nodejs.org, or \`nvm install ${RUNS_ON}\`) and try again.`,
  );
};

const versionOf = (file) => {
  if (file === process.execPath) return process.version;
  try {
    return execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return 'v0';
  }
};

const major = (version) => Number.parseInt(version.replace('v', ''), 10);
