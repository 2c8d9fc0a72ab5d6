'use strict';
/*
 * Ways to run text as code, or to load what no import names, without writing so: looked for in the tree of a file, which is not run.
 */
const { folderOf } = require('./constant-text.cjs');

const GLOBAL = new Set(['globalThis', 'global', 'window', 'self']);
/** Objects whose members decide what code can reach; a member that is named while the code runs can be any of them. */
const POWERFUL = new Set([...GLOBAL, 'process', 'module', 'require', 'Reflect', 'Function', 'Module']);
const NATIVE = new Set(['binding', '_linkedBinding', 'dlopen']);
const LOADER_INSIDES = new Set(['_load', '_compile', '_extensions', '_resolveFilename', '_resolveLookupPaths', '_nodeModulePaths', '_findPath', '_initPaths', 'mainModule', 'wrapSafe']);
/** Written as a text that is put together, any of these is meant to be overlooked. */
const DANGEROUS = new Set(['eval', 'Function', 'constructor', 'require', 'getBuiltinModule', 'createRequire', ...NATIVE, ...LOADER_INSIDES]);
const GETS_MEMBER = new Set(['get', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'apply', 'construct']);

const SAYS = {
  'indirect-eval': 'runs text as code by way of eval under another name',
  'function-constructor': 'makes a function out of text by way of a constructor',
  'computed-member': 'takes a member by a name that is put together while it runs',
  'hidden-import': 'loads modules past require and import',
  'unsafe-import': 'imports something that cannot be told from the code',
  'unsafe-stmt': 'runs text as code',
  'native-binding': 'reaches into Node itself',
  'loader-internals': 'reaches into how Node loads code',
  'escaped-identifier': 'writes a name with escapes, so that it is not found',
  wasm: 'runs WebAssembly',
};

/**
 * @param body of the program, as the parser made it
 * @param source its text
 * @returns findings (kind, severity, line, message), and modules that are loaded in ways that the analyser does not know
 */
const findHiddenCode = (body, source) => {
  const lines = source.split('\n');
  const nodes = flatten(body);
  const { constants, aliases } = variablesOf(nodes);
  const fold = folderOf(constants);
  const findings = new Map();
  const imports = [];
  const find = (kind, severity, node, detail) => {
    const line = node.loc?.start.line;
    const key = `${kind} ${line}`;
    if (!findings.has(key)) findings.set(key, { kind, severity, ...(line !== undefined && { line }), message: `${SAYS[kind]}${detail === undefined ? '' : ` (${detail})`}` });
  };

  /** What an expression stands for, as far as it matters here: a dotted name such as `process` or `module.require`. */
  const nameOf = (node, depth = 0) => {
    if (!node || depth > 20) return undefined;
    switch (node.type) {
      case 'Identifier':
        return aliases.has(node.name) && depth < 10 ? (nameOf(aliases.get(node.name), depth + 1) ?? node.name) : node.name;
      case 'SequenceExpression':
        return nameOf(node.expressions.at(-1), depth + 1);
      case 'ParenthesizedExpression':
      case 'ChainExpression':
      case 'AwaitExpression':
        return nameOf(node.expression ?? node.argument, depth + 1);
      case 'MemberExpression': {
        const [of, member] = [nameOf(node.object, depth + 1), memberOf(node)];
        if (of === undefined || typeof member !== 'string') return undefined;
        return GLOBAL.has(of) ? member : `${of}.${member}`;
      }
      case 'CallExpression': {
        const callee = nameOf(node.callee, depth + 1);
        if (callee === 'require' || callee?.endsWith('.getBuiltinModule')) return builtinName(fold(node.arguments[0]));
        if (callee !== undefined && /(^|\.)createRequire$/.test(callee)) return 'require';
        return callee?.endsWith('.bind') ? callee.slice(0, -'.bind'.length) : undefined;
      }
      case 'ImportExpression':
        return builtinName(fold(node.source));
      default:
        return undefined;
    }
  };
  const memberOf = (node) => (node.computed ? fold(node.property) : node.property?.name);

  const looksLoaded = (node, what, argument) => {
    const name = argument && fold(argument);
    if (typeof name === 'string') imports.push({ name, line: node.loc?.start.line });
    else if (argument) find('unsafe-import', 'warning', node, what);
  };

  const isFunction = (node) => ['FunctionExpression', 'ArrowFunctionExpression', 'ClassExpression'].includes(node?.type);
  /** Something of which the constructor makes functions, whatever it is called. */
  const isOfFunction = (node) => {
    const name = node?.type === 'CallExpression' ? nameOf(node.callee) : undefined;
    if (isFunction(node) || (node?.type === 'MemberExpression' && memberOf(node) === 'constructor')) return true;
    return name === 'Object.getPrototypeOf' || name === 'Reflect.getPrototypeOf' || (node?.type === 'MemberExpression' && memberOf(node) === '__proto__');
  };

  const visit = {
    Identifier(node, parent, key) {
      if (isOwnName(parent, key, node)) return;
      const { start, end } = node.loc ?? {};
      if (start && start.line === end.line && lines[start.line - 1]?.slice(start.column, end.column).includes('\\u')) find('escaped-identifier', DANGEROUS.has(node.name) ? 'critical' : 'warning', node, node.name);
      if (node.name === 'eval' && !(parent.type === 'CallExpression' && key === 'callee' && !parent.optional)) find('indirect-eval', 'critical', node);
      if (node.name === 'Function' && !isHarmlessUse(parent, key)) find('function-constructor', 'warning', node, 'Function');
      if (node.name === 'WebAssembly') find('wasm', 'information', node);
      if (node.name === 'require' && isHandedOn(parent, key)) find('hidden-import', 'information', node, 'require is handed on');
    },
    MemberExpression(node, parent, key) {
      const member = memberOf(node);
      const of = nameOf(node.object);
      if (node.computed && node.property.type !== 'Literal') {
        if (typeof member === 'string' && DANGEROUS.has(member)) find('computed-member', 'critical', node, member);
        else if (member === undefined && of !== undefined && POWERFUL.has(of)) find('computed-member', 'warning', node, `of ${of}`);
      }
      // Redis has an eval of its own, for instance.
      if (member === 'eval' && (GLOBAL.has(of) || node.object.type === 'ThisExpression')) find('indirect-eval', 'critical', node);
      if (member === 'constructor' && isOfFunction(node.object)) find('function-constructor', 'critical', node);
      if (member === 'constructor' && of === 'Function.prototype') find('function-constructor', 'critical', node);
      if (member === 'Function' && GLOBAL.has(of)) find('function-constructor', 'warning', node, 'Function');
      if (member === 'WebAssembly') find('wasm', 'information', node);
      if (NATIVE.has(member) && of === 'process') find('native-binding', 'critical', node, `process.${member}`);
      if (LOADER_INSIDES.has(member) && (member !== '_extensions' || /(^|\.)(Module|constructor)$/.test(of ?? ''))) find('loader-internals', 'warning', node, member);
      if (member === 'extensions' && of === 'require') find('loader-internals', 'warning', node, 'require.extensions');
      if (member === 'require' && of !== undefined && !(parent.type === 'AssignmentExpression' && key === 'left')) find('hidden-import', 'warning', node, `${of}.require`);
      if (member === 'constructor' && of === 'module') find('loader-internals', 'warning', node, 'module.constructor');
    },
    ObjectPattern(node, parent) {
      const of = nameOf(parent?.init ?? parent?.right);
      for (const property of node.properties.filter(({ type }) => type === 'Property')) {
        const name = property.computed ? fold(property.key) : (property.key.name ?? property.key.value);
        if (name === 'constructor') find('function-constructor', 'warning', property);
        if (name === 'eval' && GLOBAL.has(of)) find('indirect-eval', 'critical', property);
        if (NATIVE.has(name) && of === 'process') find('native-binding', 'critical', property, `process.${name}`);
        if (LOADER_INSIDES.has(name)) find('loader-internals', 'warning', property, name);
        if (name === 'require' && of !== undefined) find('hidden-import', 'warning', property, `${of}.require`);
        if (name === undefined && POWERFUL.has(of)) find('computed-member', 'warning', property, `of ${of}`);
      }
    },
    ImportExpression: (node) => looksLoaded(node, 'import()', node.source),
    CallExpression(node) {
      const callee = nameOf(node.callee);
      const [first, second] = node.arguments;
      if (callee === undefined) return callsConstructor(node);
      if (callee === 'require' || /(^|\.)(require|getBuiltinModule|_load)$/.test(callee)) looksLoaded(node, callee, first);
      else if (/(^|\.)(require|getBuiltinModule)\.(call|apply)$/.test(callee)) looksLoaded(node, callee, callee.endsWith('apply') ? second?.elements?.[0] ?? second : second);
      else if (/(^|\.)fork$/.test(callee) && typeof fold(first ?? null) === 'string') imports.push({ name: fold(first), line: node.loc?.start.line });
      else if (/(^|\.)_compile$/.test(callee)) find('unsafe-stmt', 'warning', node, '_compile');
      else if (/^(Reflect|Object)\.\w+$/.test(callee)) this.reflects(node, callee.split('.')[1], first, second);
      callsConstructor(node);
    },
    NewExpression(node) {
      callsConstructor(node);
      if (!/(^|\.)Worker$/.test(nameOf(node.callee) ?? '')) return;
      const [what, options] = node.arguments;
      const target = what?.type === 'NewExpression' && nameOf(what.callee) === 'URL' ? what.arguments[0] : what;
      if (options?.type === 'ObjectExpression' && options.properties.some(({ key, value }) => (key?.name ?? key?.value) === 'eval' && value?.value !== false)) find('unsafe-stmt', 'warning', node, 'Worker');
      else looksLoaded(node, 'Worker', target);
    },
    WithStatement: (node) => find('computed-member', 'warning', node, 'with'),
    reflects(node, method, first, second) {
      if (method === 'apply' && /(^|\.)(require|getBuiltinModule|_load)$/.test(nameOf(first) ?? '')) looksLoaded(node, 'Reflect.apply', node.arguments[2]?.elements?.[0] ?? node.arguments[2]);
      const [of, name] = [nameOf(first), second && fold(second)];
      if (of !== undefined && POWERFUL.has(of) && /^(get|getOwnPropertyDescriptors?|getOwnPropertyNames|ownKeys|entries|values|keys)$/.test(method) && !(typeof name === 'string' && !DANGEROUS.has(name))) find('computed-member', DANGEROUS.has(name) ? 'critical' : 'warning', node, `${method} of ${of}`);
      else if (GETS_MEMBER.has(method) && typeof name === 'string' && DANGEROUS.has(name)) find('computed-member', 'critical', node, name);
    },
  };

  /** `x.constructor("code")`; what a class calls of its own gets no text. */
  const callsConstructor = (node) => {
    const { callee } = node;
    if (callee?.type === 'MemberExpression' && memberOf(callee) === 'constructor' && node.arguments.some((one) => typeof fold(one) === 'string')) find('function-constructor', 'critical', node);
  };

  for (const { node, parent, key } of nodes) if (visit[node.type]) visit[node.type](node, parent, key);
  return { findings: [...findings.values()], imports };
};

/** Every node with its parent, without recursion: a file may be as deep as its author likes. */
const flatten = (body) => {
  const all = [];
  const waiting = [{ node: { type: 'Program', body }, parent: {}, key: '' }];
  while (waiting.length > 0) {
    const one = waiting.pop();
    all.push(one);
    for (const [key, value] of Object.entries(one.node)) {
      if (key === 'loc' || value === null || typeof value !== 'object') continue;
      for (const child of Array.isArray(value) ? value : [value]) if (child && typeof child.type === 'string') waiting.push({ node: child, parent: one.node, key });
    }
  }
  return all;
};

/** What stands for a module of Node's that is powerful, whatever its importer calls it. */
const builtinName = (module) => ({ process: 'process', module: 'Module' })[typeof module === 'string' ? module.replace(/^node:/, '') : ''];

/** Variables that get one value for good (`constants`), and what each stands for (`aliases`). */
const variablesOf = (nodes) => {
  const [values, changed] = [new Map(), new Set()];
  const give = (name, value) => (values.has(name) ? changed.add(name) : values.set(name, value));
  for (const { node } of nodes) {
    if (node.type === 'VariableDeclarator' && node.init) bind(node.id, node.init, give);
    if (node.type === 'ImportDeclaration') bindImports(node, give);
    if (node.type === 'AssignmentExpression') node.operator === '=' ? bind(node.left, node.right, give) : changed.add(node.left.name);
    if (node.type === 'UpdateExpression') changed.add(node.argument.name);
    for (const parameter of node.params ?? []) if (parameter.type === 'Identifier') changed.add(parameter.name);
  }
  return { constants: new Map([...values].filter(([name]) => !changed.has(name))), aliases: values };
};

const bind = (target, value, give) => {
  if (target.type === 'Identifier') give(target.name, value);
  if (target.type !== 'ObjectPattern') return;
  for (const { type, key, value: local, computed } of target.properties) {
    const name = local?.type === 'AssignmentPattern' ? local.left : local;
    if (type === 'Property' && !computed && name?.type === 'Identifier') give(name.name, { type: 'MemberExpression', object: value, property: { type: 'Identifier', name: key.name ?? key.value }, computed: false });
  }
};

const bindImports = ({ specifiers, source }, give) => {
  const object = { type: 'Identifier', name: builtinName(source.value) };
  if (object.name === undefined) return;
  for (const { type, local, imported } of specifiers) {
    const name = imported?.name ?? imported?.value;
    if (type !== 'ImportSpecifier' || name === 'default') local.name !== object.name && give(local.name, object);
    else give(local.name, { type: 'MemberExpression', object, property: { type: 'Identifier', name }, computed: false });
  }
};

/** A name that is declared, or is the name of a member, refers to nothing. */
const isOwnName = (parent, key, { name }) =>
  (parent.type === 'MemberExpression' && key === 'property' && !parent.computed) ||
  (/^(Property|PropertyDefinition|MethodDefinition)$/.test(parent.type) && key === 'key' && !parent.computed && !(parent.shorthand && name === 'eval')) ||
  /^(ImportSpecifier|ExportSpecifier|LabeledStatement|BreakStatement|ContinueStatement)$/.test(parent.type);

const isHarmlessUse = (parent, key) =>
  (parent.type === 'BinaryExpression' && parent.operator !== '+') || (parent.type === 'UnaryExpression' && parent.operator === 'typeof') || (parent.type === 'MemberExpression' && key === 'object' && !parent.computed && parent.property.name !== 'constructor' && !/^(call|apply|bind)$/.test(parent.property.name));

const isHandedOn = (parent, key) => (parent.type === 'CallExpression' && key === 'arguments') || parent.type === 'ArrayExpression' || (parent.type === 'Property' && key === 'value') || (parent.type === 'ReturnStatement');

module.exports = { findHiddenCode };
