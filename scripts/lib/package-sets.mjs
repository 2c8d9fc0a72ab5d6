import { existsSync, readFileSync, rmSync } from 'node:fs';
import { Problem } from './problem.mjs';
import { inProject } from './project.mjs';

/**
 * What is installed for what. `npm start` takes the least; the packages of a training run and of the tests are fetched by who first needs them.
 * `from`: the package.json files whose dependencies belong to the set; `dev`: with their devDependencies; `mark`: a package that only this set has.
 */
export const SETS = {
  start: { from: ['', 'scripts'], arguments: ['--workspace=scripts', '--include-workspace-root'] },
  training: { from: ['apps/scaler'], arguments: ['--workspace=apps/scaler'], mark: 'node_modules/danfojs' },
  tests: { from: ['', 'scripts', 'apps/scaler', 'test/postgres'], dev: true, arguments: [], mark: 'node_modules/jest' },
};

/** The packages of package-lock.json, and those that npm noted in node_modules when it last came to an end. */
export const lockedPackages = () => {
  const locked = packagesOf(inProject('package-lock.json'));
  if (!locked) throw new Problem('package-lock.json is missing or cannot be read.', 'Get it back with `git checkout package-lock.json` and try again.');
  return locked;
};
export const presentPackages = () => packagesOf(inProject('node_modules', '.package-lock.json'));

/** The sets that are asked for, and those that are there already: an update is for all of them. */
export const setsToInstall = (asked, present = {}) => Object.keys(SETS).filter((name) => asked.includes(name) || (SETS[name].mark !== undefined && SETS[name].mark in present));

/** Places of packages that a set needs, as npm names them: `node_modules/a/node_modules/b`. */
export const placesOf = (names, locked) => {
  const places = new Set();
  const follow = (from, dependencies) => {
    for (const name of Object.keys(dependencies ?? {})) {
      const place = nearest(name, from, locked);
      if (place === undefined || places.has(place)) continue;
      places.add(place);
      follow(place, wantedBy(place, locked));
    }
  };
  for (const { from, dev } of names.map((name) => SETS[name])) {
    for (const workspace of from) {
      const { dependencies, optionalDependencies, devDependencies } = locked[workspace] ?? {};
      follow(workspace, { ...dependencies, ...optionalDependencies, ...(dev && devDependencies) });
    }
  }
  return [...places].filter((place) => !locked[place].link);
};

/** What it merely bears beside it does not come with it. */
const wantedBy = (place, locked) => {
  const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = locked[place];
  return { ...dependencies, ...optionalDependencies, ...Object.fromEntries(Object.entries(peerDependencies).filter(([name]) => !peerDependenciesMeta[name]?.optional)) };
};

/** Where that lies which a package asks for, as far as it is there. */
export const dependenciesOf = (place, locked) => Object.keys(wantedBy(place, locked)).flatMap((name) => nearest(name, place, locked) ?? []);

/** Where Node would find a package that is asked for from somewhere. */
const nearest = (name, from, locked) => {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const place = `${folder && `${folder}/`}node_modules/${name}`;
    if (place in locked) return place;
    if (folder === '') return undefined;
  }
};

/**
 * Places of a set that are not as the lock file says, so an install that was broken off, or made before a `git pull`, is seen.
 * Optional packages may be missing: most are for other machines.
 */
export const missingPlaces = (names, locked = lockedPackages(), present = presentPackages()) =>
  placesOf(names, locked).filter((place) => {
    const [wanted, there] = [locked[place], present?.[place]];
    return there ? differs(wanted, there) : !(wanted.optional || wanted.devOptional || wanted.peer);
  });

const differs = (wanted, there) => there.version !== wanted.version || there.integrity !== wanted.integrity;

/** What npm did not come to the end of: it would take half a package for a whole one. */
export const removeHalfInstalled = (locked, present) => {
  for (const [place, wanted] of Object.entries(locked)) {
    if (!place.startsWith('node_modules/') || wanted.link) continue;
    if (!present[place] || differs(wanted, present[place])) rmSync(inProject(...place.split('/')), { recursive: true, force: true });
  }
};

/** How many of some places have a folder. */
export const countInPlace = (places) => places.filter((place) => existsSync(inProject(...place.split('/'), 'package.json'))).length;

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
};
