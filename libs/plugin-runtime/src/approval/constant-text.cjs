'use strict';
/*
 * What text an expression comes to, where that can be told without running it: names of modules and members are put together like that by
 * code that does not want to be read.
 */
const MAX_TEXT = 10_000;
const MAX_DEPTH = 60;

/** @returns a function that folds an expression into a text, a number or an array of them, else undefined. @param constants initial values of variables that are never given another */
const folderOf = (constants) => {
  const fold = (node, depth = 0) => {
    if (!node || depth > MAX_DEPTH) return undefined;
    const sub = (one) => fold(one, depth + 1);
    switch (node.type) {
      case 'Literal':
        return typeof node.value === 'string' || typeof node.value === 'number' ? node.value : undefined;
      case 'TemplateLiteral':
        return joined(node.quasis.flatMap((quasi, at) => [quasi.value.cooked ?? undefined, ...(at < node.expressions.length ? [sub(node.expressions[at])] : [])]));
      case 'BinaryExpression':
        return node.operator === '+' ? sum(sub(node.left), sub(node.right)) : undefined;
      case 'SequenceExpression':
        return sub(node.expressions.at(-1));
      case 'ParenthesizedExpression':
      case 'ChainExpression':
        return sub(node.expression);
      case 'Identifier':
        return constants.has(node.name) ? sub(constants.get(node.name)) : undefined;
      case 'ArrayExpression': {
        const all = node.elements.map(sub);
        return all.includes(undefined) ? undefined : all;
      }
      case 'MemberExpression': {
        const [list, at] = [sub(node.object), node.computed ? sub(node.property) : undefined];
        return typeof at === 'number' && (Array.isArray(list) || typeof list === 'string') ? list[at] : undefined;
      }
      case 'CallExpression':
        return bounded(called(node, sub));
      default:
        return undefined;
    }
  };
  return fold;
};

const bounded = (value) => ((Array.isArray(value) || typeof value === 'string') && value.length > MAX_TEXT ? undefined : value);
const joined = (parts) => (parts.includes(undefined) ? undefined : bounded(parts.join('')));
const sum = (left, right) => (left === undefined || right === undefined || Array.isArray(left) || Array.isArray(right) ? undefined : bounded(left + right));

/** Methods of texts and lists that do nothing but make others. */
const METHODS = new Set(['concat', 'join', 'reverse', 'toReversed', 'split', 'slice', 'substring', 'substr', 'at', 'charAt', 'toLowerCase', 'toUpperCase', 'trim', 'replace', 'replaceAll', 'toString', 'normalize']);

const called = ({ callee, arguments: given }, sub) => {
  const args = given.map(sub);
  const known = !args.includes(undefined);
  if (callee.type === 'Identifier' && known) {
    if (callee.name === 'atob') return attempt(() => Buffer.from(args[0], 'base64').toString('latin1'));
    if (callee.name === 'unescape') return attempt(() => unescape(args[0]));
    if (/^decodeURI(Component)?$/.test(callee.name)) return attempt(() => decodeURIComponent(args[0]));
    if (callee.name === 'String') return String(args[0]);
  }
  if (callee.type !== 'MemberExpression') return undefined;
  const method = callee.computed ? sub(callee.property) : callee.property.name;
  const of = callee.object;
  if (of.type === 'Identifier' && of.name === 'String' && /^from(CharCode|CodePoint)$/.test(method) && known) return attempt(() => String[method](...args));
  // Buffer.from('…', 'base64').toString()
  if (method === 'toString' && of.type === 'CallExpression' && of.callee.type === 'MemberExpression' && of.callee.object.name === 'Buffer' && of.callee.property.name === 'from') {
    const [content, encoding] = of.arguments.map(sub);
    return content === undefined ? undefined : attempt(() => Buffer.from(content, encoding).toString(args[0]));
  }
  const value = sub(of);
  if (value === undefined || !known || !METHODS.has(method) || typeof value[method] !== 'function') return undefined;
  return attempt(() => (Array.isArray(value) ? [...value] : value)[method](...args));
};

const attempt = (work) => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

module.exports = { folderOf };
