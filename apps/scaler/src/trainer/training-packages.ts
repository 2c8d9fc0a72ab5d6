import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Logger } from '@conductor/observability';

/** Beside the sources and beside the build. */
const APP = join(__dirname, '..', '..');
const RETRY_FIRST_MS = 60_000;
const RETRY_LAST_MS = 3_600_000;
/** npm has time-outs of its own; this is for what hangs in spite of them. */
const DEADLINE_MS = 900_000;
const MOST_OUTPUT = 2_000;
const BY_HAND = 'with a network, `npm run fetch:training` fetches them at once';

interface Options {
  /** The app's folder, whose package.json names what is needed. */
  readonly app?: string;
  /** The script of the project that fetches them; undefined where there is none, as in a container. */
  readonly script?: string | undefined;
  readonly now?: () => number;
}

/**
 * What only a training run loads, Danfo.js with what comes with it. `npm start` leaves it out, and the scaler that first trains has it fetched in the
 * background, by the project's own script. Without a network it is tried again now and then.
 */
export class TrainingPackages {
  private complete = false;
  private fetching: ChildProcess | undefined;
  private failures = 0;
  private problem = '';
  private retryAt = 0;
  private readonly app: string;
  private readonly script: string | undefined;
  private readonly now: () => number;

  constructor(
    private readonly logger: Logger,
    { app = APP, script = fetchScript(app), now = Date.now }: Options = {},
  ) {
    this.app = app;
    this.script = script;
    this.now = now;
  }

  /** Why a run has to wait, if it has to; what is missing is being fetched from then on. */
  waitingFor(): string | undefined {
    if (this.complete) return undefined;
    // While npm is at work a package may be there by half.
    if (this.fetching) return 'its packages are being fetched';
    const missing = this.missing();
    if (missing.length === 0) {
      this.complete = true;
      return undefined;
    }
    if (this.script === undefined) return `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not installed, and there is no project here that could fetch them: install what apps/scaler/package.json names`;
    if (this.now() >= this.retryAt) {
      this.fetch(this.script);
      return 'its packages are being fetched';
    }
    return `its packages (${missing.join(', ')}) could not be fetched, tried again at ${new Date(this.retryAt).toISOString()}; ${BY_HAND}: ${this.problem}`;
  }

  close(): void {
    this.fetching?.kill('SIGTERM');
  }

  private missing(): string[] {
    const { dependencies } = JSON.parse(readFileSync(join(this.app, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    const folders = createRequire(join(this.app, 'package.json')).resolve.paths('x') ?? [];
    return Object.keys(dependencies).filter((name) => !folders.some((folder) => existsSync(join(folder, name, 'package.json'))));
  }

  private fetch(script: string): void {
    this.logger.info({}, 'what training needs is being fetched; forecasts go on with the models that need none');
    const child = spawn(process.execPath, [script, 'training'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.fetching = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-MOST_OUTPUT)));
    const late = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS).unref();
    let settled = false;
    const settle = (problem: string | undefined) => {
      if (settled) return;
      settled = true;
      clearTimeout(late);
      this.fetching = undefined;
      if (problem === undefined && this.missing().length === 0) return void this.logger.info({}, 'what training needs is here');
      this.problem = (problem ?? (output.trim() || 'the script ended well and they are still missing')).replace(/\s+/g, ' ');
      this.retryAt = this.now() + Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** this.failures++);
      this.logger.warn({ reason: this.problem, retryAt: this.retryAt }, 'what training needs could not be fetched');
    };
    child.once('error', (error) => settle(error.message));
    child.once('close', (code, signal) => settle(code === 0 ? undefined : essenceOf(output) || `it ended with ${signal ?? `code ${code}`}`));
  }
}

/** Without the lines that tell that it is still at work. */
const essenceOf = (output: string): string => output.split('\n').filter((line) => line.trim() !== '' && !/^\s+still at it| …$/.test(line)).join('\n');

/** The project is where `scripts` are: above `apps/scaler`, or above `dist/apps/scaler`. */
const fetchScript = (app: string): string | undefined => {
  const project = [join(app, '..', '..'), join(app, '..', '..', '..')].find((folder) => existsSync(join(folder, 'scripts', 'install.mjs')) && existsSync(join(folder, 'package-lock.json')));
  return project && join(project, 'scripts', 'install.mjs');
};

