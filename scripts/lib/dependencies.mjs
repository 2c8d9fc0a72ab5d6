import { existsSync, readFileSync } from 'node:fs';
import { freeMegabytes, npm } from './machine.mjs';
import { Problem } from './problem.mjs';
import { inProject } from './project.mjs';
import { run } from './run.mjs';
import { step } from './step.mjs';

const NEEDED_MEGABYTES = 1_200;

/** Installs what package-lock.json names, unless just that is installed. */
export const ensureDependencies = async () => {
  if (isInstalled()) return;
  const free = freeMegabytes();
  if (free < NEEDED_MEGABYTES) {
    throw new Problem(`There are only ${free} MB free on this disk; installing takes about ${NEEDED_MEGABYTES} MB.`, 'Make room and try again.');
  }
  const first = !existsSync(inProject('node_modules'));
  await step(first ? 'Installing dependencies (the first time, about a minute)' : 'What is installed does not fit package-lock.json: installing dependencies', install);
};

const install = async () => {
  const [command, ...args] = npm();
  // Development packages too, even where NODE_ENV says production: the build is made here. No package needs its install script.
  const { code, output } = await run(command, [...args, 'ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'], {
    quiet: true,
  });
  if (code !== 0) throw new Problem('npm could not install the dependencies:', essenceOf(output), advice(output));
};

/**
 * npm notes in node_modules what it has put there; that is held against the lock file, so an install that was broken
 * off, or made before a `git pull`, is seen. Optional packages may be missing: most are for other machines.
 */
const isInstalled = () => {
  const wanted = packagesOf(inProject('package-lock.json'));
  const present = packagesOf(inProject('node_modules', '.package-lock.json'));
  if (!wanted) throw new Problem('package-lock.json is missing or cannot be read.', 'Get it back with `git checkout package-lock.json` and try again.');
  if (!present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const there = present[path];
    return there ? there.version === entry.version && there.integrity === entry.integrity : Boolean(entry.optional || entry.devOptional || entry.peer);
  });
};

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
};

const ADVICE = [
  [/ENOSPC/, 'The disk is full. Make room and try again.'],
  [/EACCES|EPERM|EROFS/, 'This user may not write to the project folder. Give it to the user (`chown -R "$USER" .`) or clone it somewhere else.'],
  [/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network/i, 'The package registry could not be reached. Check the network and the proxy (`npm config get registry`, HTTPS_PROXY) and try again.'],
  [/E401|E403/, 'The package registry refused us. Check the access data in your own .npmrc.'],
  [/EUSAGE|in sync|Missing: /, 'package.json and package-lock.json do not fit together. Run `npm install`, and commit the lock file.'],
  [/EINTEGRITY/, 'A package is not what the lock file says it should be. Try again after `npm cache clean --force`; if it stays so, do not go on.'],
];

const advice = (output) => ADVICE.find(([pattern]) => pattern.test(output))?.[1] ?? 'Mend what npm names above and try again.';

/** What npm says, without stack traces and its manual. */
const essenceOf = (output) =>
  output
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, ''))
    .filter((line) => line.trim() !== '' && !/^\s+at |^\s+-|^\s{4}\S|complete log of this run|Run "npm help|^(Options|Usage|aliases):/.test(line))
    .slice(0, 10)
    .map((line) => `  ${line}`)
    .join('\n');
