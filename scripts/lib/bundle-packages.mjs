import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { licencesOf } from './licences.mjs';
import { ROOT } from './project.mjs';

/**
 * `node bundle-packages.mjs <build>`: puts the packages that a build names into `<build>/node_modules`, where Node looks first, each in a few
 * files instead of hundreds. Half of what an app did until it listened was to look for these files and to open them (docs/adr/0018).
 */
const [build] = process.argv.slice(2);
const bundled = join(build, 'node_modules');

/** These stay where npm put them. */
const LEFT_OUT = [
  'reflect-metadata', // must come before those that use it, wherever a bundle would put it
  '@bull-board/ui', 'swagger-ui-dist', // are asked for where they lie, for their pages
];
/** Nest asks for these and goes on without them. */
const NOT_INSTALLED = /^(@nestjs\/(microservices|websockets|platform-express|mongoose|typeorm|sequelize|axios)|class-transformer|class-validator|@fastify\/multipart|@grpc\/.*|mongoose|typeorm|sequelize)(\/|$)/;
const isLeftOut = (name) => isBuiltin(name) || NOT_INSTALLED.test(name) || LEFT_OUT.includes(packageOf(name));

const packageOf = (name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/');
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** Also finds names in texts; only those of dependencies are meant. */
const NAMED = /\b(?:require|import)\(['"]([^.'"][^'"]*)['"]\)/g;
const namesIn = (file) => [...readFileSync(file, 'utf8').matchAll(NAMED)].map(([, name]) => name);

rmSync(bundled, { recursive: true, force: true });
const files = readdirSync(build, { recursive: true }).filter((file) => file.endsWith('.js'));
const packages = [...new Set(files.flatMap((file) => namesIn(join(build, file))))].filter((name) => packageOf(name) in dependencies && !isLeftOut(name));

const bundle = await rolldown({
  cwd: ROOT,
  input: Object.fromEntries(packages.map((name) => [name, name])),
  platform: 'node',
  external: isLeftOut,
  // Terminus looks for packages by it before it loads them; none of these is used here.
  transform: { define: { 'import.meta.resolve': 'undefined' } },
  logLevel: 'silent',
});
const { output } = await bundle.write({ dir: bundled, format: 'cjs', exports: 'auto', esModule: true, entryFileNames: '[name]/index.js', chunkFileNames: '.parts/[name]-[hash].js', comments: false });

/** What lay beside the code in its package must go where the code goes. */
const LICENCES = 'THIRD-PARTY-LICENSES.txt';
const places = output.flatMap(({ moduleIds = [] }) => moduleIds).flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(relative(ROOT, file.replace(/^\0/, '').split('?')[0]).split(sep).join('/'))?.[1] ?? []);
writeFileSync(join(bundled, LICENCES), licencesOf([...new Set(places)]));
