import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { node24 } from './lib/machine.mjs';
import { prepare } from './lib/prepare.mjs';
import { main } from './lib/problem.mjs';
import { inProject, ROOT } from './lib/project.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Only for this user's eyes; made before Node makes it for its cache. If it cannot be made, the launcher says what to do. */
const makeHome = () => {
  const home = resolve(ROOT, process.env.CONDUCTOR_HOME || '.conductor');
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
  } catch {
    // See above.
  }
  return home;
};

/** Runs the launcher until it ends, and hands on its exit code. */
const launch = () =>
  new Promise((done, failed) => {
    const launcher = spawn(node24(), ['--enable-source-maps', inProject('dist', 'apps', 'launcher', 'src', 'main.js')], {
      cwd: ROOT,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NODE_COMPILE_CACHE: join(makeHome(), 'compile-cache'),
      },
      // Through the last one the launcher notices when we are killed, and stops everything.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      // Out of the terminal's reach: a Ctrl-C comes to us, and once to the launcher, not twice.
      detached: true,
    });
    const handOn = (signal) => launcher.kill(signal);
    for (const signal of SIGNALS) process.on(signal, handOn);
    const watch = stopWhenNpmIsGone(() => launcher.kill('SIGTERM'));
    launcher.once('error', failed);
    launcher.once('exit', (code, signal) => {
      clearInterval(watch);
      for (const other of SIGNALS) process.off(other, handOn);
      done(signal ? 1 : code);
    });
  });

/** npm killed -9 cannot tell us; that we have another parent then does. */
const stopWhenNpmIsGone = (stop) => {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event) return undefined;
  return setInterval(() => process.ppid !== parent && stop(), 500);
};

await main(async () => {
  await prepare();
  return launch();
});
