// Lets a child process of a test run a TypeScript file of this repository: node --require <this file> <file.ts>
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { resolve } = require('node:path');
const { transformSync } = require('@swc/core');

const root = resolve(__dirname, '../../..');
const options = {
  swcrc: false,
  sourceMaps: 'inline',
  module: { type: 'commonjs' },
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    keepClassNames: true,
  },
};

Module._extensions['.ts'] = (module, filename) =>
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code, filename);

const find = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const ours = /^@conductor\/([^/]+)$/.exec(request);
  // What is imported late is named as it is built.
  const late = /^(\..*)\.js$/.exec(request);
  const named = ours ? resolve(root, 'libs', ours[1], 'src/index.ts') : late && parent?.filename?.endsWith('.ts') ? `${late[1]}.ts` : request;
  return find.call(this, named, parent, ...rest);
};
