import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { appFolders, composeProblems, describedApps, nestProblems } from './lib/app-lists.mjs';
import { lockedPackages, placesOf } from './lib/package-sets.mjs';
import { main } from './lib/problem.mjs';
import { inProject, ROOT } from './lib/project.mjs';
import { SHIPPED } from './lib/sbom.mjs';

const OURS = ['apps', 'libs', 'test', 'scripts', 'docker', 'docs'];
const LONGEST_FILE = 300;
const SOURCE = /^(apps|libs)\/.*\.(ts|js|cjs|mjs)$/;
const SPEC = /\.spec\.ts$/;
/** Such a name says nothing of what is inside, so everything ends up there. */
const SAYS_NOTHING = /^(common|shared|utils?|helpers?)(\.|$)/i;
const PERMISSIVE = /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Python-2\.0|CC0-1\.0|Unlicense)$/;
/** Its file LICENSE is the MIT licence. */
const NAMES_NO_LICENCE = ['typed-function'];
/** The only app that no other program starts. */
const STARTED_BY_A_PERSON = 'launcher';
/** In containers these are the same everywhere. */
const CONTAINER = /^docker\/|(^|\/)(Dockerfile|compose)[^/]*$/;

/** What ESLint and dependency-cruiser cannot see. Each check says what is wrong and what to do. */
const checks = {
  'package-lock.json names addresses': () => {
    const addresses = read('package-lock.json').match(/"resolved": *"[a-z+]+:[^"]*"/g) ?? [];
    return addresses.length > 0
      ? [`${addresses.length} packages are tied to the address they were once fetched from: take the lines with "resolved" out; npm finds packages by name and checks their integrity (docs: \`omit-lockfile-registry-resolved\`).`]
      : [];
  },

  'packages under licences that nobody has looked at': () => {
    const locked = lockedPackages();
    return placesOf(SHIPPED, locked)
      .map((place) => ({ name: place.split('node_modules/').at(-1), licence: locked[place].license }))
      .filter(({ name, licence }) => !(licence === undefined ? NAMES_NO_LICENCE.includes(name) : licence.split(/ OR | AND /).every((one) => PERMISSIVE.test(one.replace(/[()]/g, '')))))
      .map(({ name, licence }) => `${name} is under ${licence ?? 'no licence that it names'}: what is shipped may be used, changed and passed on by anybody. Take another package, or add the licence to PERMISSIVE in scripts/check-repo.mjs.`);
  },

  [`files of more than ${LONGEST_FILE} lines`]: (files) =>
    files
      .filter((file) => SOURCE.test(file) && !SPEC.test(file))
      .map((file) => ({ file, lines: read(file).trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > LONGEST_FILE)
      .map(({ file, lines }) => `${file} has ${lines}: it does more than one job.`),

  'names that say nothing': (files) => {
    const parts = files.filter((file) => /^(apps|libs|test|scripts)\//.test(file)).flatMap((file) => file.split('/').map((part, at, all) => ({ part, path: all.slice(0, at + 1).join('/') })));
    return [...new Set(parts.filter(({ part }) => SAYS_NOTHING.test(part)).map(({ path }) => path))].map((path) => `${path}: name it after what it does, or put its parts beside those that use them.`);
  },

  'apps that nobody would find': () => {
    const RENEW = '`npm run renew` mends it.';
    const lists = { 'nest-cli.json': nestProblems, 'docker/compose.yaml': composeProblems };
    return [
      ...appFolders()
        .filter((app) => app !== STARTED_BY_A_PERSON && !describedApps().includes(app))
        .map((app) => `apps/${app} has no app.json, so the launcher does not start it: README.md, "Adding a platform", tells what goes into it.`),
      ...Object.entries(lists).flatMap(([file, problemsOf]) => {
        const { missing, gone } = problemsOf(read(file));
        return [...missing.map((app) => `${file} does not name ${app}: ${RENEW}`), ...gone.map((app) => `${file} names ${app}, and there is no apps/${app}: ${RENEW}`)];
      }),
    ];
  },

  'contracts that nobody can import': (files) => {
    const index = read('libs/contracts/src/index.ts');
    return files
      .filter((file) => /^libs\/contracts\/src\/.*\.ts$/.test(file) && !SPEC.test(file) && basename(file) !== 'index.ts')
      .map((file) => `./${file.slice('libs/contracts/src/'.length, -'.ts'.length)}`)
      .filter((module) => !index.includes(`'${module}'`))
      .map((module) => `${module} is not exported from libs/contracts/src/index.ts.`);
  },

  'files whose lines would not end with LF everywhere': () =>
    lineEndings().flatMap(({ file, committed, here, attributes }) => [
      ...(committed === 'crlf' || committed === 'mixed' ? [`${file} is committed with CRLF: \`git add --renormalize ${file}\` mends it.`] : []),
      ...(here === 'crlf' || here === 'mixed' ? [`${file} has CRLF here: delete it, and \`git checkout -- ${file}\` brings it back with LF.`] : []),
      ...(committed !== '-text' && !/(^| )eol=lf( |$)/.test(attributes) ? [`${file} would have CRLF in a clone made on Windows: .gitattributes must give it \`eol=lf\`.`] : []),
    ]),

  'paths of one machine': (files) => {
    const ofHomes = /(?<![\w.~-])\/(?:root|home\/[\w.-]+|Users\/[\w.-]+)\//;
    // A checkout right below the root would match too much.
    const ofThisCheckout = ROOT.split(sep).length > 2 ? `${ROOT}/` : undefined;
    return files
      .filter((file) => !CONTAINER.test(file))
      .flatMap((file) => read(file).split('\n').map((line, at) => ({ where: `${file}:${at + 1}`, line })))
      .map(({ where, line }) => ({ where, found: ofHomes.exec(line)?.[0] ?? (ofThisCheckout && line.includes(ofThisCheckout) ? ofThisCheckout : undefined) }))
      .filter(({ found }) => found)
      .map(({ where, found }) => `${where} names ${found}, which is not there on other machines.`);
  },
};

/** Text files: those under version control, and those in our folders that soon will be. Ignored ones and a person's own notes are not ours. */
const listFiles = () => {
  const files = fromGit() ?? OURS.flatMap(fromDisk);
  return files.filter((file) => existsSync(inProject(file)) && !readFileSync(inProject(file)).subarray(0, 8_000).includes(0));
};

const listGit = (...args) => execFileSync('git', ['ls-files', '-z', ...args], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e8 }).split('\0').filter(Boolean);

const fromGit = () => {
  try {
    return [...listGit(), ...listGit('--others', '--exclude-standard', '--', ...OURS)];
  } catch {
    return undefined;
  }
};

/** How Git finds the lines of each file to end: as committed, here, and by .gitattributes; nothing where there is no Git. */
const lineEndings = () => {
  if (fromGit() === undefined) return [];
  return listGit('--eol').map((line) => {
    const [, committed, here, attributes, file] = /^i\/(\S*)\s+w\/(\S*)\s+attr\/([^\t]*)\t(.*)$/s.exec(line);
    return { file, committed, here, attributes: attributes.trim() };
  });
};

const fromDisk = (folder) =>
  existsSync(inProject(folder))
    ? readdirSync(inProject(folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1).split(sep).join('/'))
    : [];

const read = (file) => readFileSync(inProject(file), 'utf8');

await main(() => {
  const files = listFiles();
  const findings = Object.entries(checks).flatMap(([title, check]) => {
    const found = check(files);
    return found.length > 0 ? [`${title}:`, ...found.map((finding) => `  ${finding}`)] : [];
  });
  if (findings.length > 0) console.error(findings.join('\n'));
  return findings.length > 0 ? 1 : 0;
});
