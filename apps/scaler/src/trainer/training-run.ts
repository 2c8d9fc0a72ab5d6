import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Learned, learnedSchema } from '../forecast';
import type { TrainingInput } from './training-data';

export interface TrainingOptions {
  /** A run that takes longer is killed. */
  readonly deadlineMs?: number;
  /** Ends the run, for instance when the scaler stops. */
  readonly signal?: AbortSignal;
  /** The program and what Node needs to run it; only tests have another. */
  readonly program?: readonly string[];
}

export interface TrainingResult {
  readonly learned: Learned;
  readonly tookMs: number;
  /** The process that trained; it is gone. */
  readonly pid: number;
}

const DEADLINE_MS = 30_000;
/** What is learned of 50 platforms is 200 kB. */
const MOST_OUTPUT = 16_000_000;
const MOST_COMPLAINT = 2_000;
/** Should its data be absurd, the process dies and not the machine. A large young generation from the start: it lives for seconds, and collecting it took a tenth of them. */
const NODE_FLAGS = ['--max-old-space-size=1024', '--min-semi-space-size=32', '--max-semi-space-size=32', '--disable-warning=ExperimentalWarning'];

/**
 * Trains in a process of its own, which ends with the run and so gives all its memory back.
 * @throws TrainingFailed; the parameters in force simply stay
 */
export const runTraining = async (data: TrainingInput, { deadlineMs = DEADLINE_MS, signal, program = ownProgram() }: TrainingOptions = {}): Promise<TrainingResult> => {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...NODE_FLAGS, ...program], { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
  const { output, complaint, end } = await finished(child, data, deadlineMs, signal);
  if (end !== undefined) throw new TrainingFailed(`${end}${complaint ? `: ${complaint}` : ''}`);
  return { learned: learnedFrom(output), tookMs: performance.now() - startedAt, pid: child.pid! };
};

/** A run that brought nothing. The reason is in the message; what was learned before stays in force. */
export class TrainingFailed extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`A training run failed and the models keep what they learned before: ${reason}`, options);
    this.name = 'TrainingFailed';
  }
}

interface Finished {
  output: string;
  complaint: string;
  /** How it ended, unless it ended well. */
  end?: string;
}

const finished = (child: ChildProcess, input: TrainingInput, deadlineMs: number, signal: AbortSignal | undefined): Promise<Finished> =>
  new Promise((resolve) => {
    let output = '';
    let complaint = '';
    let end: string | undefined;
    const kill = (reason: string) => {
      end ??= reason;
      child.kill('SIGKILL');
    };
    const late = setTimeout(() => kill(`it took longer than ${deadlineMs / 1_000} s and was killed`), deadlineMs);
    const aborted = () => kill('it was called off');
    signal?.addEventListener('abort', aborted, { once: true });
    const settle = (how: string | undefined) => {
      clearTimeout(late);
      signal?.removeEventListener('abort', aborted);
      end ??= how;
      resolve({ output, complaint: complaint.trim(), ...(end !== undefined && { end }) });
    };
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > MOST_OUTPUT) kill(`it wrote more than ${MOST_OUTPUT / 1e6} MB`);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-MOST_COMPLAINT)));
    child.once('error', (error) => settle(`it could not be started (${error.message})`));
    child.once('close', (code, by) => settle(code === 0 ? undefined : `it ended with ${by ?? `code ${code}`}`));
    if (signal?.aborted) aborted();
    // A process that dies early closes its input while we write; how it ended says why. One that gets half of its data says so.
    pipeline(Readable.from(inPieces(input)), child.stdin!).catch(() => undefined);
  });

/** The data as JSON, a series at a time: all of it in one string would be 10 MB of the scaler's memory, and hold up its event loop. */
function* inPieces({ series, ...rest }: TrainingInput): Generator<string> {
  yield `${JSON.stringify(rest).slice(0, -1)},"series":{`;
  let separator = '';
  for (const [name, data] of series) {
    yield `${separator}${JSON.stringify(name)}:${JSON.stringify(data)}`;
    separator = ',';
  }
  yield '}}';
}

const learnedFrom = (output: string): Learned => {
  try {
    return learnedSchema.parse(JSON.parse(output));
  } catch (cause) {
    throw new TrainingFailed('what it wrote is not what a training run writes', { cause });
  }
};

/** Nothing but where compiled code is kept, which saves a quarter of a second; Node keeps it in a folder of its version there. */
const environment = (): NodeJS.ProcessEnv => {
  const compiled = getCompileCacheDir();
  return compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
};

/** Built, it lies beside this file; a test runs it from its source. */
const ownProgram = (): string[] => {
  const built = join(__dirname, 'main.js');
  if (existsSync(built)) return [built];
  throw new TrainingFailed(`its program is not there (${built}). Build the project with \`npm run build\``);
};
