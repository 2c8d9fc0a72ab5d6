import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inProject } from './project.mjs';

const TEXT = /^(licen[cs]e|notice|copying)([.-]|$)/i;

/** Licence texts and notices of packages, for those who get their code from us. @param places as npm names them: `node_modules/a` */
export const licencesOf = (places) => {
  const packages = places.filter((place) => existsSync(folderOf(place))).map(read);
  const unique = new Map(packages.map((one) => [`${one.name}@${one.version}`, one]));
  const sorted = [...unique.keys()].sort().map((key) => unique.get(key));
  return [`The Conductor contains, or is run with, these ${sorted.length} packages of other authors, each under its own licence.\n`, ...sorted.map(section)].join('\n');
};

const folderOf = (place) => inProject(...place.split('/'));

const read = (place) => {
  const { name, version, license, licenses } = JSON.parse(readFileSync(join(folderOf(place), 'package.json'), 'utf8'));
  const declared = license ?? licenses;
  const texts = readdirSync(folderOf(place), { withFileTypes: true }).filter((file) => file.isFile() && TEXT.test(file.name)).map((file) => file.name).sort();
  return { name, version, licence: declared === undefined ? undefined : typeof declared === 'string' ? declared : [declared].flat().map((one) => one.type ?? one).join(' OR '), texts: texts.map((file) => readFileSync(join(folderOf(place), file), 'utf8').replaceAll('\r\n', '\n').trim()) };
};

const section = ({ name, version, licence, texts }) =>
  ['='.repeat(80), `${name} ${version}`, `Licence: ${licence ?? 'see below'}`, '', ...(texts.length > 0 ? texts : ['It brings no licence text; its package.json names the licence above.']), ''].join('\n');
