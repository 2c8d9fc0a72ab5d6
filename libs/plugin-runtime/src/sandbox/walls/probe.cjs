'use strict';
/*
 * Tries to get past the walls, as a plugin would, and writes on standard output what it reached. Arguments: JSON of what to try.
 */
const { readFileSync } = require('node:fs');
const net = require('node:net');
const { file, port, socket, pid, guarded, ownNetwork } = JSON.parse(process.argv[2]);

const reached = {};
const attempt = (name, work) => {
  try {
    work();
    reached[name] = true;
  } catch (error) {
    reached[name] = String(error.code ?? error.message);
  }
};
const connects = (options) =>
  new Promise((resolve) => {
    const connection = net.connect({ ...options, timeout: 1_000 });
    const end = (result) => (connection.destroy(), resolve(result));
    connection.once('connect', () => end(true));
    connection.once('timeout', () => end('timeout'));
    connection.once('error', (error) => end(String(error.code)));
  });
const listens = (number) =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error) => resolve(String(error.code)));
    server.listen(number, () => server.close(() => resolve(true)));
  });

attempt('file', () => readFileSync(file));
attempt('signal', () => process.kill(pid, 0));
if (guarded) {
  attempt('childProcess', () => {
    const { error } = require('node:child_process').spawnSync(process.execPath, ['--version']);
    if (error) throw error;
  });
  attempt('workers', () => new (require('node:worker_threads').Worker)('', { eval: true }));
  attempt('sqlite', () => require('node:sqlite'));
  attempt('inspector', () => new (require('node:inspector').Session)().connect());
  attempt('addons', () => process.dlopen({ exports: {} }, file));
  attempt('wasi', () => new (require('node:wasi').WASI)({ version: 'preview1' }));
}
const status = (() => {
  try {
    return readFileSync('/proc/self/status', 'latin1');
  } catch {
    return '';
  }
})();
void (async () => {
  reached.network = await connects({ host: '127.0.0.1', port });
  reached.unixSocket = await connects({ path: socket });
  // In a network of its own nobody is in the way.
  if (ownNetwork) reached.privilegedPort = await listens(1);
  const facts = {
    uid: process.getuid(),
    environment: Object.keys(process.env),
    capabilities: /CapEff:\s*(\w+)/.exec(status)?.[1],
    // A connection of the parent's would show up as a descriptor of ours.
    descriptors: (() => {
      try {
        return require('node:fs').readdirSync('/proc/self/fd').length;
      } catch {
        return undefined;
      }
    })(),
  };
  process.stdout.write(JSON.stringify({ reached, facts }), () => process.exit(0));
})();
