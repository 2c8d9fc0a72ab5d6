const swc = [
  '@swc/jest',
  {
    swcrc: false,
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      keepClassNames: true,
    },
    module: { type: 'commonjs', ignoreDynamic: true },
    sourceMaps: 'inline',
  },
];
const base = {
  rootDir: __dirname,
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/test/support/patience.cjs'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.runtime', '<rootDir>/test/fixtures/plugins'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  transform: { '^.+\\.ts$': swc },
  // The second is loaded by `import()`, which names the built file.
  moduleNameMapper: { '^@conductor/([^/]+)$': '<rootDir>/libs/$1/src', '^(\\./checks-in-sql)\\.js$': '$1' },
};

/** `npm test` measures the machine; a run of jest alone takes it for a quiet one. */
const patience = Number(process.env.TEST_PATIENCE ?? 1);

/** `unit` runs classes and libraries (real Redis and SQL where they need one), `journeys` whole apps as processes. */
module.exports = {
  testTimeout: 30_000 * patience,
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/{apps,libs}/**/src/**/*.spec.ts'] },
    { ...base, displayName: 'journeys', testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'] },
  ],
};
