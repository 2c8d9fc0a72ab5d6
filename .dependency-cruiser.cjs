/** Bottom up: a library may import what stands before it. */
const ORDER = ['contracts', 'config', 'observability', 'platform-shell', 'connections', 'bus', 'control', 'routing', 'resilience', 'http', 'persistence', 'platform-kit', 'plugin-runtime', 'testing'];
/** Where less is allowed: a thin shell loads `config`; the others can be tested, and trusted, without Redis. */
const ONLY = { config: [], routing: ['contracts'], persistence: ['contracts', 'config', 'observability'] };

const TESTS = String.raw`(\.(spec|e2e-spec|fixture)\.ts$|/(testing|fixtures)/|^test/|^libs/testing/)`;
/** What Node or Jest starts: nobody imports it. */
const STARTED = String.raw`(/main\.ts$|/src/index\.ts$|\.spec\.ts$|/(testing|fixtures)/|/redis-for-tests\.ts$|\.cjs$)`;

/** Where SQL is read beside the conductor: in a process that ends, or for whoever asks. */
const READS_SQL = { monitor: '^apps/health-monitor/src/checks-in-sql[.]ts$', trainer: '^apps/scaler/src/trainer/rollups-in-sql[.]ts$' };

const libs = (names) => `^libs/(${names.join('|')})/`;

const layers = ORDER.map((name, at) => {
  const above = ORDER.slice(at + 1).filter((other) => other !== 'testing');
  const allowed = ONLY[name];
  return {
    name: `library-order-${name}`,
    comment: `${name} may import ${(allowed ?? ORDER.slice(0, at)).join(', ') || 'no other library'}.`,
    severity: 'error',
    from: { path: `^libs/${name}/`, ...(name === 'testing' && { pathNot: TESTS }) },
    to: { path: allowed ? libs(ORDER.filter((other) => ![name, 'testing', ...allowed].includes(other))) : above.length > 0 ? libs(above) : '^$' },
  };
}).filter(({ to }) => to.path !== '^$');

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'What imports each other cannot be understood, tested or loaded apart.', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-app-to-app',
      comment: 'Apps speak to each other over queues and Redis. What two of them need is a library.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'no-library-to-app', comment: 'Libraries know nothing of who uses them.', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    ...layers,
    {
      name: 'settings-are-light',
      comment: 'Every process loads the settings of every app, to tell a mistyped variable: they may load `zod` and `@conductor/config`, nothing else, not even their own app.',
      severity: 'error',
      from: { path: '^apps/[^/]+/src/settings[.]ts$' },
      to: { pathNot: '^(libs/config/src/index[.]ts$|node_modules/zod/)' },
    },
    {
      name: 'apps-are-found-by-looking',
      comment: 'What an app says of itself in app.json is checked and read in one place: ask `findApps` or `appNamed` of @conductor/config.',
      severity: 'error',
      from: {},
      to: { path: '^apps/[^/]+/app[.]json$' },
    },
    {
      name: 'library-is-in-the-order',
      comment: 'A new library needs its place in ORDER, in this file.',
      severity: 'error',
      from: {},
      to: { path: '^libs/', pathNot: libs(ORDER) },
    },
    {
      name: 'history-goes-through-redis',
      comment: 'Of the apps only the conductor writes SQL; others hand rows to a `HistoryFeed`. The library takes 13 MB of a process, so who reads does it where it costs nobody else.',
      severity: 'error',
      from: { path: '^apps/', pathNot: [TESTS, '^apps/conductor/', ...Object.values(READS_SQL)] },
      to: { path: '^libs/persistence/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sql-is-loaded-when-asked-for',
      comment: 'Load it with `import()`, so that it takes memory only once somebody asks; the trainer ends after each run.',
      severity: 'error',
      from: { path: '^apps/', pathNot: '^apps/scaler/src/trainer/reader/main[.]ts$' },
      to: { path: Object.values(READS_SQL), dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'testing-only-in-tests',
      comment: '@conductor/testing, and what lies in testing/, fixtures/ and specs, is for tests.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TESTS },
      to: { path: TESTS },
    },
    {
      name: 'library-by-its-name',
      comment: 'Import a library as a whole, `@conductor/<name>`, from what its index exports.',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: { path: '^libs/', pathNot: '^$1/$2/', dependencyTypesNot: ['aliased-tsconfig'] },
    },
    {
      name: 'no-deep-import',
      comment: 'Import a library as a whole, `@conductor/<name>`, from what its index exports.',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: { path: '^libs/', pathNot: ['^$1/$2/', '^libs/[^/]+/src/index[.]ts$'] },
    },
    {
      name: 'not-itself-by-name',
      comment: 'Inside a library, import its files by their relative path: its own index would make a cycle.',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/$1/', dependencyTypes: ['aliased'] },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports it and it imports nothing: delete it, or use it.',
      severity: 'error',
      from: { orphan: true, pathNot: [STARTED, String.raw`\.d\.ts$`] },
      to: {},
    },
    {
      name: 'no-dead-modules',
      comment: 'Neither an app, nor a library’s index, nor a test leads here.',
      severity: 'error',
      from: { path: STARTED },
      to: { path: '^(apps|libs)/', pathNot: [STARTED, String.raw`\.d\.ts$`], reachable: false },
    },
    { name: 'not-resolvable', comment: 'No such module.', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'only-packages-we-name',
      comment: 'It is there only because another package needs it: add it to package.json, with its exact version.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-packages-in-production',
      comment: 'What runs in production belongs in `dependencies`.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '^node_modules/@types/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    // apps/scaler has a package.json beside this one, for what only its trainer loads.
    combinedDependencies: true,
    // Imports of types count: who needs the shape of a thing depends on it.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.cjs', '.mjs', '.json', '.d.ts'] },
  },
};
