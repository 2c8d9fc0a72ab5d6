// Reads a plugin's code in a process of its own, so that no file can stall or end the one that asked. Started by static-scan.ts.
// Gets { root, files } and says { reading } before each file, then { file, findings, imports } after it, and { done } at the end.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { findHiddenCode } = require('./hidden-code.cjs');

const MOST_FINDINGS_A_FILE = 50;

const SEVERITY = { Information: 'information', Warning: 'warning', Critical: 'critical' };

const SAYS = {
  'unsafe-stmt': 'runs text as code (eval, Function)',
  'unsafe-import': 'imports something that cannot be told from the code',
  'obfuscated-code': 'is obfuscated',
  'suspicious-file': 'hides many texts in encoded form',
  'suspicious-literal': 'holds texts that look encoded',
  'encoded-literal': 'holds an encoded text',
  'short-identifiers': 'has very short names only, as obfuscated or minified code has',
  'shady-link': 'names an address that looks shady',
  'serialize-environment': 'turns the whole environment into text',
  'data-exfiltration': 'sends data about this machine elsewhere',
  'unsafe-command': 'runs a dangerous command',
  'unsafe-regex': 'has a regular expression that may take for ever',
  'monkey-patch': 'changes built-in objects',
  'prototype-pollution': 'changes the prototype of objects',
  'unsafe-vm-context': 'runs code in a context of its own',
  'sql-injection': 'puts a query together from texts',
  'crypto.weak-algorithm': 'uses a weak algorithm',
};

/** What the analyser does not know, or knows only of the plain form. */
const PATTERNS = [
  { kind: 'unsafe-stmt', severity: 'warning', pattern: /\bnew\s+Function\s*\(|\bFunction\s*\(\s*['"`]/g, message: SAYS['unsafe-stmt'] },
  { kind: 'native-binding', severity: 'critical', pattern: /\bprocess\s*(?:\.\s*|\[\s*['"`])(?:binding|_linkedBinding|dlopen)\b/g, message: 'reaches into Node itself (process.binding, process.dlopen)' },
  { kind: 'wasm', severity: 'information', pattern: /\bWebAssembly\s*\./g, message: 'runs WebAssembly' },
];

const lineAt = (source, index) => source.slice(0, index).split('\n').length;

const lineOf = (location) => {
  const first = Array.isArray(location?.[0]?.[0]) ? location[0] : location;
  return Number.isInteger(first?.[0]?.[0]) ? first[0][0] : undefined;
};

const scan = ({ analyser, parser, DefaultCollectableSet }, root, file) => {
  const source = readFileSync(join(root, file), 'utf8').replace(/^#!.*/, '');
  const findings = PATTERNS.flatMap(({ pattern, ...finding }) => [...source.matchAll(pattern)].map(({ index }) => ({ file, line: lineAt(source, index), ...finding })));
  const imports = new DefaultCollectableSet('dependency');
  let hidden = { findings: [], imports: [] };
  try {
    const report = analyser([imports]).analyse(source, { location: file, isMinified: /\.min\.[cm]?js$/.test(file) });
    for (const { kind, severity, value, location } of report.warnings) {
      const what = SAYS[kind] ?? kind;
      const detail = typeof value === 'string' && value.length > 0 ? `: ${JSON.stringify(value.slice(0, 120))}` : '';
      findings.push({ file, line: lineOf(location), kind, severity: SEVERITY[severity] ?? 'warning', message: `${what}${detail}` });
    }
    hidden = findHiddenCode(parser.parse(source), source);
  } catch (error) {
    findings.push({ file, kind: 'parsing-error', severity: 'critical', message: `cannot be read as JavaScript, so nothing is known of it: ${String(error.message).slice(0, 200)}` });
  }
  const named = imports.toJSON().entries.map(({ value, locations }) => ({ name: String(value).slice(0, 300), line: lineOf(locations?.[0]?.location?.[0]) }));
  findings.push(...hidden.findings.filter(({ kind, line }) => !findings.some((known) => known.kind === kind && known.line === line)).map((finding) => ({ file, ...finding })));
  named.push(...hidden.imports.filter(({ name }) => !named.some((known) => known.name === name)).map(({ name, line }) => ({ name: name.slice(0, 300), line })));
  const more = findings.length - MOST_FINDINGS_A_FILE;
  const shown = more > 0 ? [...findings.slice(0, MOST_FINDINGS_A_FILE), { file, kind: 'more', severity: 'warning', message: `and ${more} more findings in this file` }] : findings;
  return { file, findings: shown, imports: named };
};

/** Files that a package says are to be loaded, as imports of its manifest. */
const entriesOf = (root, file) => {
  const found = new Set();
  const collect = (value, key, depth = 0) => {
    if (typeof value === 'string') found.add(value.startsWith('.') || key === 'imports' ? value : `./${value}`);
    else if (value && typeof value === 'object' && depth < 10) for (const [name, inner] of Object.entries(value)) if (!/^(types|typings|\.\/.*)$/.test(name)) collect(inner, key, depth + 1);
  };
  try {
    const { main, exports, imports, conductor } = JSON.parse(readFileSync(join(root, file), 'utf8'));
    for (const [key, value] of Object.entries({ main, exports, imports, entry: conductor?.entry })) collect(value, key);
  } catch {
    // No manifest that Node would go by.
  }
  return [...found].filter((name) => name.startsWith('.') && !name.includes('*')).map((name) => ({ name: name.slice(0, 300) }));
};

const say = (message) => new Promise((resolve) => process.send(message, resolve));

process.once('message', async ({ root, files, manifests, analyserUrl }) => {
  const { AstAnalyser, DefaultCollectableSet, JsSourceParser } = await import(analyserUrl);
  const parser = new JsSourceParser();
  const analyser = (collectables) => new AstAnalyser({ collectables });
  for (const file of files) {
    await say({ reading: file });
    await say(scan({ analyser, parser, DefaultCollectableSet }, root, file));
  }
  for (const file of manifests) await say({ manifest: file, imports: entriesOf(root, file) });
  await say({ done: true });
  process.disconnect();
});
