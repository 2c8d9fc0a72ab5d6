// Reads a plugin's code in a process of its own, so that no file can stall or end the one that asked. Started by static-scan.ts.
// Gets { root, files } and says { reading } before each file, then { file, findings, imports } after it, and { done } at the end.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

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

const scan = (analyser, DefaultCollectableSet, root, file) => {
  const source = readFileSync(join(root, file), 'utf8').replace(/^#!.*/, '');
  const findings = PATTERNS.flatMap(({ pattern, ...finding }) => [...source.matchAll(pattern)].map(({ index }) => ({ file, line: lineAt(source, index), ...finding })));
  const imports = new DefaultCollectableSet('dependency');
  try {
    const report = analyser([imports]).analyse(source, { location: file, isMinified: /\.min\.[cm]?js$/.test(file) });
    for (const { kind, severity, value, location } of report.warnings) {
      const what = SAYS[kind] ?? kind;
      const detail = typeof value === 'string' && value.length > 0 ? `: ${JSON.stringify(value.slice(0, 120))}` : '';
      findings.push({ file, line: lineOf(location), kind, severity: SEVERITY[severity] ?? 'warning', message: `${what}${detail}` });
    }
  } catch (error) {
    findings.push({ file, kind: 'parsing-error', severity: 'critical', message: `cannot be read as JavaScript, so nothing is known of it: ${String(error.message).slice(0, 200)}` });
  }
  const named = imports.toJSON().entries.map(({ value, locations }) => ({ name: String(value).slice(0, 300), line: lineOf(locations?.[0]?.location?.[0]) }));
  const more = findings.length - MOST_FINDINGS_A_FILE;
  const shown = more > 0 ? [...findings.slice(0, MOST_FINDINGS_A_FILE), { file, kind: 'more', severity: 'warning', message: `and ${more} more findings in this file` }] : findings;
  return { file, findings: shown, imports: named };
};

const say = (message) => new Promise((resolve) => process.send(message, resolve));

process.once('message', async ({ root, files, analyserUrl }) => {
  const { AstAnalyser, DefaultCollectableSet } = await import(analyserUrl);
  const analyser = (collectables) => new AstAnalyser({ collectables });
  for (const file of files) {
    await say({ reading: file });
    await say(scan(analyser, DefaultCollectableSet, root, file));
  }
  await say({ done: true });
  process.disconnect();
});
