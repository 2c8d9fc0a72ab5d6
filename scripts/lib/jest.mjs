import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingsOfAll } from './config-table.mjs';
import { node24 } from './machine.mjs';
import { measurePatience } from './patience.mjs';
import { inProject } from './project.mjs';
import { run } from './run.mjs';

/** Journeys start whole systems: one at a time, or they take the machine from each other. */
const PROJECTS = [
  // They mostly wait, for Redis, for processes, for time: jest's own choice, one worker on two cores, would leave the machine idle.
  // What a worker has loaded for one file stays until it ends, 10 MB a file.
  { name: 'unit', options: ['--maxWorkers=3', '--workerIdleMemoryLimit=800MB'] },
  { name: 'journeys', options: ['--runInBand'] },
];

/** Settings of the person who types `npm test` are not for the tests, mistyped ones neither: they must not reach a real Redis or database. */
const ofPerson = () => {
  const beginning = (variable) => variable.split('_', 1)[0];
  const ours = new Set(Object.keys(settingsOfAll()).map(beginning));
  return Object.keys(process.env).filter((variable) => ours.has(beginning(variable)));
};

/** Runs every project; the sums over all of them. */
export const runJest = async (patterns, redisUrl) => {
  const folder = mkdtempSync(join(tmpdir(), 'conductor-jest-'));
  try {
    const sums = { passed: 0, failed: 0, skipped: 0 };
    const patience = measurePatience();
    if (patience > 1) console.log(`\nThis machine is slow or busy: time limits are ${patience} times as long.`);
    for (const { name, options } of PROJECTS) {
      console.log(`\nTests: ${name}`);
      const counts = await runProject(name, [...patterns, ...options], join(folder, `${name}.json`), redisUrl, patience);
      for (const key of Object.keys(sums)) sums[key] += counts[key];
    }
    return sums;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const runProject = async (name, args, report, redisUrl, patience) => {
  const foreign = Object.fromEntries(ofPerson().map((variable) => [variable, undefined]));
  const { code } = await run(
    node24(),
    [inProject('node_modules', 'jest', 'bin', 'jest.js'), ...args, '--selectProjects', name, '--passWithNoTests', '--json', `--outputFile=${report}`],
    { env: { ...foreign, NODE_OPTIONS: '--experimental-vm-modules', TEST_REDIS_URL: redisUrl, TEST_PATIENCE: String(patience) } },
  );
  const { numPassedTests: passed, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, numTodoTests } = read(report);
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  // Jest may fail for another reason than a test: a wrong option, a process that does not end.
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped: numPendingTests + numTodoTests };
};

const read = (report) => {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0, numPendingTests: 0, numTodoTests: 0 };
  }
};
