import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensureDependencies } from './lib/dependencies.mjs';
import { licencesOf } from './lib/licences.mjs';
import { checkMachine } from './lib/machine.mjs';
import { oneAtATime } from './lib/one-at-a-time.mjs';
import { lockedPackages, placesOf } from './lib/package-sets.mjs';
import { main, Problem } from './lib/problem.mjs';
import { inProject, ROOT } from './lib/project.mjs';
import { SHIPPED, sbomOf } from './lib/sbom.mjs';

/** Nothing of a person's own settings may get into the archive. */
const SAME_EVERYWHERE = ['-c', 'tar.umask=0022', '-c', 'core.autocrlf=false', '-c', 'core.eol=lf'];

const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'buffer', maxBuffer: 1e9, stdio: ['ignore', 'pipe', 'pipe'] });
const asked = (...args) => {
  try {
    return git(...args).toString('utf8').trim();
  } catch {
    return undefined;
  }
};

/** What is released is what stands under the tag, and nothing else. */
const checkTag = (tag) => {
  const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  if (tag !== `v${version}`) throw new Problem(`Usage: npm run release -- v${version}`, 'The tag names the version in package.json.');
  const tagged = asked('rev-parse', '--verify', '--quiet', `refs/tags/${tag}^{commit}`);
  if (tagged === undefined) throw new Problem(`There is no tag ${tag}.`, `Make one at the commit that is to be released: git tag -s ${tag}`);
  if (asked('rev-parse', 'HEAD') !== tagged) throw new Problem(`${tag} is not what is checked out here.`, `git checkout ${tag}`);
  if (asked('status', '--porcelain', '--untracked-files=no') !== '') throw new Problem('Files here differ from what is tagged.', 'Put the changes aside (`git stash`) and try again.');
  return { version, at: new Date(Number(asked('log', '-1', '--format=%ct', tag)) * 1_000) };
};

const digestOf = (content) => createHash('sha256').update(content).digest('hex');

/** `npm run release -- v1.2.3` makes what is published for a tag, the same bytes each time: the sources, their bill of materials, licences, checksums. */
await main(async () => {
  const [tag] = process.argv.slice(2);
  const { version, at } = checkTag(tag);
  checkMachine();
  await oneAtATime('Installing for a release', () => ensureDependencies('training'));
  const name = `conductor-${version}`;
  const files = {
    [`${name}.tar.gz`]: gzipSync(git(...SAME_EVERYWHERE, 'archive', '--format=tar', `--prefix=${name}/`, tag), { level: 9 }),
    [`${name}.cdx.json`]: `${JSON.stringify(sbomOf(at), null, 2)}\n`,
    [`${name}-THIRD-PARTY-LICENSES.txt`]: licencesOf(placesOf(SHIPPED, lockedPackages())),
  };
  const folder = inProject('release', version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const sums = Object.entries(files).map(([file, content]) => `${digestOf(content)}  ${file}\n`).join('');
  for (const [file, content] of Object.entries({ ...files, SHA256SUMS: sums })) writeFileSync(inProject('release', version, file), content);
  console.log(`${relative(process.cwd(), folder)}:\n${sums}`);
});
