/** What the attempts aim at: things of ours, open to whoever is not walled in. */
export interface Targets {
  /** A file beside the plugin's folders, readable for everyone. */
  file: string;
  folder: string;
  /** A module whose code says so when it runs. */
  module: string;
  /** Code and data of another plugin. */
  otherCode: string;
  otherData: string;
  /** HTTP doubles of the Conductor's doors, the tests' Redis. */
  httpPort: number;
  udpPort: number;
  redisPort: number;
  unixSocket: string;
  abstractSocket: string;
  hostPid: number;
}

export interface Attempt {
  name: string;
  /** Body of an async function with `t` (the targets), `require`, `plugin` (its context and folder). What it returns has got out. */
  code: string;
  /** What the Conductor reports; `undefined` where there is nothing but an empty result to see. */
  reported: RegExp;
}

const file = (name: string, code: string, reported = /FileSystem/): Attempt => ({ name, code, reported });
const net = (name: string, code: string, reported = /Network/): Attempt => ({ name, code, reported });

const FS = `const fs = require('node:fs');`;
/** Ends with what the connection brings, or with its error. */
const TALK = `const talk = (socket) => new Promise((resolve, reject) => { socket.on('error', reject); socket.on('close', () => reject(new Error('closed'))); socket.on('data', (d) => resolve(String(d))); socket.write?.('PING\\r\\n'); });`;

export const ATTEMPTS: Attempt[] = [
  // --- files ---
  file('reads a file outside', `${FS} return fs.readFileSync(t.file, 'utf8')`),
  file('reads it with promises', `return require('node:fs/promises').readFile(t.file, 'utf8')`),
  file('reads it by a path that climbs out of its folder', `${FS} return fs.readFileSync(plugin.folder + '/../'.repeat(20) + t.file, 'utf8')`),
  file('reads it by a path of bytes', `${FS} return fs.readFileSync(Buffer.from(t.file), 'utf8')`),
  file('reads it by a URL', `${FS} return fs.readFileSync(new URL('file://' + t.file), 'utf8')`),
  file('reads it by a path whose bytes are swapped while it is checked', `${FS} const b = Buffer.from(plugin.folder + '/index.cjs'); const original = Buffer.prototype.utf8Write; Buffer.prototype.utf8Write = function (s, ...rest) { return original.call(this, t.file, ...rest); }; try { return fs.readFileSync(new Uint8Array(Buffer.from(t.file)), 'utf8') } finally { Buffer.prototype.utf8Write = original }`),
  file('reads it through a stream', `return new Promise((resolve, reject) => require('node:fs').createReadStream(t.file).on('data', (d) => resolve(String(d))).on('error', reject))`),
  file('reads it as a blob', `${FS} return (await fs.openAsBlob(t.file)).text()`),
  file('makes a symbolic link to it', `${FS} fs.symlinkSync(t.file, plugin.data + '/link'); return fs.readFileSync(plugin.data + '/link', 'utf8')`),
  file('makes a hard link to it', `${FS} fs.linkSync(t.file, plugin.data + '/hard'); return fs.readFileSync(plugin.data + '/hard', 'utf8')`),
  file('copies it', `${FS} fs.copyFileSync(t.file, plugin.data + '/copy'); return fs.readFileSync(plugin.data + '/copy', 'utf8')`),
  file('moves it', `${FS} fs.renameSync(t.file, plugin.data + '/moved'); return 'moved'`),
  file('deletes it', `${FS} fs.rmSync(t.file); return 'deleted'`),
  file('writes outside', `${FS} fs.writeFileSync(t.folder + '/written', 'x'); return 'written'`),
  file('changes its own code', `${FS} fs.writeFileSync(plugin.folder + '/index.cjs', 'x'); return 'written'`),
  file('lists a folder outside', `${FS} return fs.readdirSync(t.folder)`),
  file('watches a folder outside', `${FS} fs.watch(t.folder).close(); return 'watching'`),
  file('reads it past the root of its process', `${FS} return fs.readFileSync('/proc/self/root' + t.file, 'utf8')`),
  file('loads a module outside', `return require(t.module)`, /Module|FileSystem/),
  file('imports a module outside', `return (await plugin.load('file://' + t.module)).default`, /Module file:/),
  file('goes to a folder outside', `process.chdir(t.folder); return process.cwd()`),
  file('says that it has every permission', `process.permission.has = () => true; ${FS} return fs.readFileSync(t.file, 'utf8')`),
  file('reads another plugin’s code', `${FS} return fs.readFileSync(t.otherCode, 'utf8')`),
  file('reads another plugin’s data', `${FS} return fs.readFileSync(t.otherData, 'utf8')`),
  file('writes a report of its process outside', `return process.report.writeReport(t.folder + '/report.json')`, /FileSystemWrite/),
  file('writes its heap outside', `return require('node:v8').writeHeapSnapshot(t.folder + '/heap')`),
  file('opens a database outside', `const { DatabaseSync } = require('node:sqlite'); new DatabaseSync(t.folder + '/db').exec('create table t (x)'); return 'opened'`, /Module node:sqlite/),

  // --- the environment ---
  file('reads the environment of its process from the kernel', `${FS} return fs.readFileSync('/proc/self/environ', 'utf8')`),
  file('reads the environment of the Conductor', `${FS} return fs.readFileSync('/proc/' + t.hostPid + '/environ', 'utf8')`),
  file('loads a file of environment variables', `process.loadEnvFile(t.file); return process.env`),

  // --- other processes ---
  { name: 'runs a program', code: `const r = require('node:child_process').spawnSync('/bin/sh', ['-c', 'id']); if (r.error) throw r.error; return String(r.stdout)`, reported: /ChildProcess/ },
  { name: 'forks itself', code: `return require('node:child_process').fork(plugin.folder + '/index.cjs').pid`, reported: /ChildProcess/ },
  { name: 'finds the module for it another way', code: `return process.getBuiltinModule('child_process').execSync('id').toString()`, reported: /ChildProcess/ },
  { name: 'forks as a cluster', code: `return require('node:cluster').fork().id`, reported: /ChildProcess/ },
  { name: 'becomes another program', code: `process.execve(process.execPath, [process.execPath, '-p', '1'], {}); return 'became'`, reported: /ChildProcess/ },
  { name: 'starts a thread', code: `return new (require('node:worker_threads').Worker)('', { eval: true }).threadId`, reported: /WorkerThreads/ },
  { name: 'signals the Conductor', code: `process.kill(t.hostPid, 0); return 'signalled'`, reported: /Process kill/ },
  { name: 'signals its parent', code: `process.kill(process.ppid, 'SIGTERM'); return 'signalled'`, reported: /Process kill/ },
  { name: 'signals everyone', code: `process.kill(-1, 'SIGKILL'); return 'signalled'`, reported: /Process kill/ },
  { name: 'becomes the superuser', code: `process.setuid(0); process.setgid(0); return 'superuser'`, reported: /Process setuid/ },

  // --- the inside of Node ---
  { name: 'loads an addon', code: `process.dlopen({ exports: {} }, plugin.folder + '/x.node'); return 'loaded'`, reported: /Process dlopen/ },
  { name: 'requires an addon', code: `return require(plugin.folder + '/x.node')`, reported: /Process dlopen|Addon/ },
  { name: 'opens the inspector', code: `require('node:inspector').open(0); return require('node:inspector').url()`, reported: /Inspector/ },
  { name: 'attaches an inspector session', code: `const s = new (require('node:inspector').Session)(); s.connect(); return 'attached'`, reported: /Inspector/ },
  { name: 'runs WASI', code: `return typeof new (require('node:wasi').WASI)({ version: 'preview1', preopens: { '/': '/' } })`, reported: /WASI/ },
  { name: 'reaches for internal bindings', code: `return typeof process.binding('tcp_wrap').TCP`, reported: /Process binding/ },
  { name: 'reads what the Conductor has open', code: `${FS} const got = []; for (let fd = 4; fd < 64; fd++) { try { if (fs.fstatSync(fd).isFile()) got.push(fd) } catch {} } if (got.length === 0) fs.readFileSync('/proc/self/fd'); return got`, reported: /FileSystem/ },

  // --- the network: doubles on loopback only ---
  net('fetches from a door of the host', `return (await fetch('http://127.0.0.1:' + t.httpPort)).text()`),
  net('asks that door with http', `return new Promise((resolve, reject) => require('node:http').get({ host: '127.0.0.1', port: t.httpPort }, (r) => resolve(r.statusCode)).on('error', reject))`),
  net('asks that door by the name of this machine', `return (await fetch('http://localhost:' + t.httpPort)).text()`),
  net('asks that door by IPv6', `${TALK} return talk(require('node:net').connect(t.httpPort, '::1'))`),
  net('asks that door with http2', `return new Promise((resolve, reject) => { const s = require('node:http2').connect('http://127.0.0.1:' + t.httpPort); s.on('error', reject); const r = s.request({ ':path': '/' }); r.on('error', reject); r.on('response', resolve); })`),
  net('asks that door with TLS', `return new Promise((resolve, reject) => require('node:tls').connect({ host: '127.0.0.1', port: t.httpPort, rejectUnauthorized: false }, () => resolve('connected')).on('error', reject))`),
  net('opens a web socket to that door', `return new Promise((resolve, reject) => { const s = new WebSocket('ws://127.0.0.1:' + t.httpPort); s.onopen = () => resolve('open'); s.onerror = (e) => reject(new Error(e.message || 'no')); })`),
  net('speaks to Redis', `${TALK} return talk(require('node:net').connect(t.redisPort, '127.0.0.1'))`),
  net('speaks to Redis with a socket of a class of its own', `${TALK} class Mine extends require('node:net').Socket {} return talk(new Mine().connect(t.redisPort, '127.0.0.1'))`),
  net('speaks to a socket in the file system', `${TALK} return talk(require('node:net').connect(t.unixSocket))`),
  net('speaks to a socket without a file', `${TALK} return talk(require('node:net').connect('\\0' + t.abstractSocket))`),
  net('sends a datagram', `return new Promise((resolve, reject) => require('node:dgram').createSocket('udp4').send('x', t.udpPort, '127.0.0.1', (e) => (e ? reject(e) : resolve('sent'))))`),
  net('binds a datagram socket', `return new Promise((resolve, reject) => { const s = new (require('node:dgram').Socket)('udp4'); s.on('error', reject); s.bind(0, () => resolve(s.address())); })`),
  net('opens a door', `return new Promise((resolve, reject) => { const s = require('node:net').createServer().on('error', reject); s.listen(0, () => resolve(s.address())); })`),
  net('opens an HTTP door', `return new Promise((resolve, reject) => { const s = require('node:http').createServer().on('error', reject); s.listen(0, '0.0.0.0', () => resolve(s.address())); })`),
  net('opens a door in its folder', `return new Promise((resolve, reject) => { const s = require('node:net').createServer().on('error', reject); s.listen(plugin.data + '/door', () => resolve('listening')); })`),
  net('looks a name up', `return require('node:dns').promises.lookup('localhost')`),
  net('asks a name server', `const r = new (require('node:dns').promises.Resolver)(); r.setServers(['127.0.0.1:' + t.udpPort]); return r.resolve4('secret.example')`),
];
