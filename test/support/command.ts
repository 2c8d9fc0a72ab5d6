import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findApps, portVariableOf } from '@conductor/config';
import { projectRoot } from '../../apps/launcher/src/project-root';
import { until } from '@conductor/testing';

export const ROOT = projectRoot(__dirname);

/** What a person types: the launcher itself, or `npm start`'s script around it. */
const COMMANDS = { launcher: join('dist', 'apps', 'launcher', 'src', 'main.js'), start: join('scripts', 'start.mjs') };

/** Any free port for each door: journeys meet nobody else's. */
const FREE_PORTS = Object.fromEntries(findApps().map(({ name }) => [portVariableOf(name), '0']));

/** What an app cannot do without, as the first of the `examples` in its settings says: a platform that waits for a person would hold every journey up. */
const EXAMPLES = Object.fromEntries(
  findApps().flatMap(({ settings }) =>
    Object.entries(settings).flatMap(([variable, schema]) => {
      const [example] = (schema.meta()?.['examples'] ?? []) as unknown[];
      return example === undefined ? [] : [[variable, String(example)]];
    }),
  ),
);

/** What runs is what is delivered: built. Costs nothing when nothing has changed. */
export const buildOnce = (): void => void execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { env: { ...process.env, NODE_OPTIONS: '' } });

/** A home that nobody has used. The compiled code is shared between journeys: every start after the first takes half the time. */
export const freshHome = (): string => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'journey-')));
  const cache = join(ROOT, '.runtime', 'compile-cache');
  mkdirSync(cache, { recursive: true });
  symlinkSync(cache, join(home, 'compile-cache'));
  return home;
};

/** A command that runs in the foreground, and all that it prints. */
export class Command {
  output = '';
  readonly exit: Promise<number | NodeJS.Signals>;

  private constructor(readonly process: ChildProcess) {
    const streams = [process.stdout!, process.stderr!];
    for (const stream of streams) stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    const read = streams.map((stream) => once(stream, 'close'));
    this.exit = once(process, 'exit').then(async () => {
      await Promise.all(read);
      return process.signalCode ?? process.exitCode!;
    });
  }

  /** Knows nothing of the settings of whoever runs the tests. Ends when the tests do, however they end. */
  static run(name: keyof typeof COMMANDS, home: string, env: Record<string, string> = {}, root = ROOT): Command {
    if (root === ROOT) buildOnce();
    const { PATH, HOME, TMPDIR } = process.env;
    // Nobody's plugins, unless the journey drops some.
    // Journeys run on machines without walls, too; those of walls say which they need.
    const plugins = { PLUGIN_ALLOW_MISSING_ISOLATION: 'files,network,processes,user', PLUGIN_FOLDERS: join(home, 'dropped'), PLUGIN_NODE_MODULES: join(home, 'packages') };
    return new Command(
      spawn(process.execPath, ['--enable-source-maps', join(root, COMMANDS[name])], {
        cwd: root,
        env: { PATH, HOME, TMPDIR, CONDUCTOR_HOME: home, LOG_LEVEL: 'warn', ...plugins, ...FREE_PORTS, ...EXAMPLES, ...env },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      }),
    );
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Waits until it has printed something; fails at once when it ends without. */
  async says(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
    await until(() => {
      if (!pattern.test(this.output) && !this.hasEnded) throw new Error(`it has not said ${pattern} but:\n${this.output}`);
    }, timeoutMs);
    if (!pattern.test(this.output)) throw new Error(`it ended before it said ${pattern}:\n${this.output}`);
  }
}
