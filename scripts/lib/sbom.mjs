import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dependenciesOf, lockedPackages, placesOf } from './package-sets.mjs';
import { inProject } from './project.mjs';

/** A Conductor at work has these; what only tests and checks need is on no user's machine. */
export const SHIPPED = ['start', 'training'];

const ALGORITHMS = { sha1: 'SHA-1', sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

/**
 * The bill of materials of what is shipped, from package-lock.json, in CycloneDX 1.6: the same for the same lock file and time.
 * (`npm sbom` refuses a tree with overrides, and cannot tell what tests need from what the compiler needs.)
 * @param at the time that it bears
 */
export const sbomOf = (at) => {
  const locked = lockedPackages();
  const { name, version, description, license } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  const root = { type: 'application', 'bom-ref': `${name}@${version}`, name, version, description, licenses: licensesOf(license), purl: `pkg:npm/${name}@${version}` };
  const places = placesOf(SHIPPED, locked);
  const components = new Map(places.map((place) => [refOf(place, locked), componentOf(place, locked)]));
  const edges = new Map([[root['bom-ref'], new Set(places.filter((place) => place.split('node_modules/').length === 2).map((place) => refOf(place, locked)))]]);
  const shipped = new Set(places);
  for (const place of places) {
    const ref = refOf(place, locked);
    const on = edges.get(ref) ?? edges.set(ref, new Set()).get(ref);
    for (const other of dependenciesOf(place, locked)) if (shipped.has(other)) on.add(refOf(other, locked));
  }
  const body = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: at.toISOString(), component: root },
    components: [...components.keys()].sort().map((ref) => components.get(ref)),
    dependencies: [...edges.keys()].sort().map((ref) => ({ ref, dependsOn: [...edges.get(ref)].sort() })),
  };
  return { $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`, ...body };
};

/** One that stands in for another lies under that one's name. */
const nameOf = (place, locked) => locked[place].name ?? place.split('node_modules/').at(-1);
const refOf = (place, locked) => `${nameOf(place, locked)}@${locked[place].version}`;

const componentOf = (place, locked) => {
  const { version, integrity = '', license, optional } = locked[place];
  const [group, name] = nameOf(place, locked).startsWith('@') ? nameOf(place, locked).split('/') : [undefined, nameOf(place, locked)];
  const [algorithm, digest] = integrity.split(' ')[0].split(/-(.*)/s);
  return {
    type: 'library',
    'bom-ref': refOf(place, locked),
    ...(group && { group }),
    name,
    version,
    scope: optional ? 'optional' : 'required',
    ...(algorithm in ALGORITHMS && { hashes: [{ alg: ALGORITHMS[algorithm], content: Buffer.from(digest, 'base64').toString('hex') }] }),
    ...(license && { licenses: licensesOf(license) }),
    purl: `pkg:npm/${group ? `${encodeURIComponent(group)}/` : ''}${name}@${version}`,
  };
};

/** An identifier, or an expression of several. */
const licensesOf = (license) => (/[ ()]/.test(license) ? [{ expression: license }] : [{ license: { id: license } }]);

/** By content, so that nothing in it is chance. */
const uuidOf = (text) => {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
};
