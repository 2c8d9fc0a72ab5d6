import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { node24 } from './machine.mjs';
import { Problem } from './problem.mjs';
import { inProject } from './project.mjs';
import { run } from './run.mjs';
import { sbomOf } from './sbom.mjs';
import { step } from './step.mjs';

const SOURCES = ['apps', 'libs'];
const BUNDLER = join('scripts', 'lib', 'bundle-packages.mjs');
/** What a build is made by is part of what it is made from. */
const BUILDERS = ['bundle-packages', 'dist', 'licences', 'package-sets', 'sbom'].map((name) => join('scripts', 'lib', `${name}.mjs`));
const NOT_BUILT = /\.spec\.ts$|[\\/]fixtures[\\/]|\.d\.ts$/;

/** Builds `dist`, unless it was built from just these sources. */
export const ensureBuilt = async () => {
  const fingerprint = fingerprintOf();
  if (builtFrom(inProject('dist')) === fingerprint) return;
  await step('Building', () => build(fingerprint));
};

/**
 * Into a folder of its own, which takes the place of `dist` when it is complete: what was deleted from the sources is
 * gone, a build that fails leaves the last good one, and a running Conductor never restarts an app from half a build.
 */
const build = async (fingerprint) => {
  const next = inProject('dist.next');
  const last = inProject('dist.last');
  for (const folder of [next, last]) rmSync(folder, { recursive: true, force: true });
  const { code, output } = await run(
    node24(),
    [inProject('node_modules', '@swc', 'cli', 'bin', 'swc.js'), ...SOURCES, '-d', 'dist.next', '--copy-files', '--ignore', '**/*.spec.ts,**/fixtures/**,**/*.d.ts'],
    { quiet: true },
  );
  if (code !== 0 || !existsSync(next)) throw new Problem('The sources cannot be built:', essenceOf(output), 'Mend the file named above and try again.');
  await bundlePackages(next);
  writeFileSync(join(next, 'sbom.cdx.json'), `${JSON.stringify(sbomOf(new Date()), null, 2)}\n`);
  writeFileSync(join(next, '.built-from'), fingerprint);
  if (existsSync(inProject('dist'))) renameSync(inProject('dist'), last);
  renameSync(next, inProject('dist'));
  rmSync(last, { recursive: true, force: true });
};

/** Puts the packages that a build uses beside it, for a faster start (`bundle-packages.mjs`). */
export const bundlePackages = async (folder) => {
  const { code, output } = await run(node24(), [inProject(BUNDLER), folder], { quiet: true });
  if (code !== 0) throw new Problem('The packages cannot be put together:', output, 'Delete node_modules and try again; scripts/lib/bundle-packages.mjs tells which packages it leaves out.');
};

/** What the compiler says about our sources, without what it says about its own insides. */
const essenceOf = (output) => output.split('\n').filter((line) => line.trim() !== '' && !/^\s+(\d+: |at )|^(Stack backtrace|Caused by|Successfully)|^\s+Syntax Error/.test(line)).join('\n');

/** By content, not by date: a fresh checkout dates every file anew. A few hundred files take some milliseconds. */
const fingerprintOf = () => {
  const hash = createHash('sha256');
  for (const file of ['.swcrc', 'package-lock.json', ...BUILDERS, ...SOURCES.flatMap(filesIn)].sort()) {
    hash.update(`${file}\0`).update(readFileSync(inProject(file))).update('\0');
  }
  return hash.digest('hex');
};

const filesIn = (folder) =>
  readdirSync(inProject(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(inProject().length + 1))
    .filter((file) => !NOT_BUILT.test(file));

const builtFrom = (folder) => {
  try {
    return readFileSync(join(folder, '.built-from'), 'utf8');
  } catch {
    return undefined;
  }
};
