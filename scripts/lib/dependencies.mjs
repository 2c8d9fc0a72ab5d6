import { existsSync } from 'node:fs';
import { freeMegabytes, npm } from './machine.mjs';
import { countInPlace, lockedPackages, missingPlaces, placesOf, presentPackages, removeHalfInstalled, SETS, setsToInstall } from './package-sets.mjs';
import { Problem } from './problem.mjs';
import { inProject } from './project.mjs';
import { run } from './run.mjs';
import { step } from './step.mjs';
import { removeUnreadFiles } from './unread-files.mjs';

/** With what npm keeps in its cache. */
const NEEDED_MEGABYTES = { start: 700, training: 200, tests: 1_200 };
const WHAT_FOR = { start: 'Installing what the Conductor runs on', training: 'Fetching what training needs', tests: 'Fetching what tests need' };

/**
 * Installs what package-lock.json names for a purpose, unless just that is installed. What is there for other purposes stays, and whatever
 * runs on it runs on: npm only adds what is missing.
 * @param asked one of SETS
 */
export const ensureDependencies = async (asked = 'start') => {
  // Only `start` holds the compiler and the Node that all run on.
  const wanted = [...new Set(['start', asked])];
  if (isInstalled(wanted)) return;
  const free = freeMegabytes();
  if (free < NEEDED_MEGABYTES[asked]) {
    throw new Problem(`There are only ${free} MB free on this disk; installing takes about ${NEEDED_MEGABYTES[asked]} MB.`, 'Make room and try again.');
  }
  const names = setsToInstall(wanted, presentPackages());
  const places = placesOf(names, lockedPackages());
  const first = !existsSync(inProject('node_modules'));
  const what = first ? `${WHAT_FOR[asked]} (the first time, about a minute)` : isInstalled(['start']) ? WHAT_FOR[asked] : 'What is installed does not fit package-lock.json: installing anew what differs';
  const before = countInPlace(places);
  await step(what, () => install(names), () => {
    const here = countInPlace(places) - before;
    return here > 0 ? `${here} packages are here` : 'asking for packages';
  });
  if (!isInstalled(wanted)) throw new Problem('What npm installed is not what package-lock.json names.', 'package.json and package-lock.json do not fit together. Run `npm install`, and commit the lock file.');
};

export const isInstalled = (names) => missingPlaces(names).length === 0;

const install = async (names) => {
  const present = presentPackages();
  // The first time all of it, held against the lock file; then only what is missing: `npm ci` would take away what a running Conductor stands on.
  if (present) removeHalfInstalled(lockedPackages(), present);
  const verb = present ? ['install', '--no-save'] : ['ci'];
  const which = names.includes('tests') ? ['--include=dev'] : ['--omit=dev', ...names.flatMap((name) => SETS[name].arguments)];
  const [command, ...args] = npm();
  // No package needs its install script. Optional ones: the Node that all run on, for this machine.
  const { code, output } = await run(command, [...args, ...verb, ...which, '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'], { quiet: true });
  if (code !== 0) throw new Problem('npm could not install the dependencies:', essenceOf(output), advice(output));
  removeUnreadFiles();
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
