import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLLUP_MS } from '@conductor/contracts';
import { DEFAULT_RULES, type Sample } from '../../../apps/scaler/src/forecast';
import { runTraining } from '../../../apps/scaler/src/trainer/training-run';
import { columnsOf } from '../../../apps/scaler/src/trainer/training-data-of';
import { median } from '../support/load';
import { memoryOf } from '../support/processes';
import type { Result } from '../support/report';
import { PLATFORMS, SERIES, valueAt } from './crowd-of-series';

const RUNS = 5;
/** So long are roll-ups of five minutes kept unless something else is set. */
const DAYS = 7;
const NOW = DAYS * 86_400_000;

/** Whole training runs, as the scaler does them: a process that starts, learns, answers and ends. */
export const trainingRuns = async (): Promise<Result[]> => {
  const home = mkdtempSync(join(tmpdir(), 'conductor-bench-'));
  // In a process of its own: this one must stay as light as a scaler.
  execFileSync(process.execPath, [join(__dirname, 'write-rollups.main.js'), home, String(NOW)]);
  const before = memoryOf(process.pid);
  const took: number[] = [];
  const peaks: number[] = [];
  const computed: number[] = [];
  let gone = true;
  for (let run = 0; run < RUNS; run++) {
    const watched = watchChild();
    const { tookMs, pid } = await runTraining(dataOfACrowd(home));
    const { peakMb, cpuSeconds } = watched();
    peaks.push(peakMb);
    computed.push(cpuSeconds);
    took.push(tookMs);
    gone &&= !isAlive(pid);
  }
  const after = memoryOf(process.pid);
  rmSync(home, { recursive: true, force: true });
  return [
    {
      title: `Training run: ${PLATFORMS} platforms × 3 series`,
      note: `Each with ${DEFAULT_RULES.historyMs / 60_000} min of samples every 5 s and ${DAYS} days of roll-ups of five minutes, which the run reads from SQLite; ${RUNS} runs one after the other, from starting the process to having read what it learned. Processor time is what a run takes on a machine with nothing else to do. Goals: 3 s; memory given back.`,
      columns: ['what', 'figure'],
      rows: [
        ['wall time, median', `${(median(took) / 1_000).toFixed(2)} s`],
        ['wall time, most', `${(Math.max(...took) / 1_000).toFixed(2)} s`],
        ['processor time of the training process, median', `${median(computed).toFixed(2)} s`],
        ['memory of the training process, most', `${Math.max(...peaks)} MB`],
        ['memory of the scaler’s process before', `${before.rssMb} MB`],
        [`memory of the scaler’s process after ${RUNS} runs`, `${after.rssMb} MB`],
        ['training processes left', gone ? 'none' : 'some'],
      ],
    },
  ];
};

const samples = (index: number, from: number, everyMs: number): Sample[] => {
  const all: Sample[] = [];
  for (let at = from; at < NOW; at += everyMs) all.push({ at, value: valueAt(index, at) });
  return all;
};

const dataOfACrowd = (home: string) => {
  const { horizonsMs, windowMs, periodMs, historyMs } = DEFAULT_RULES;
  const series = function* () {
    for (const [index, name] of SERIES.entries()) yield [name, { history: columnsOf(samples(index, NOW - historyMs, periodMs)), rollups: { everyMs: ROLLUP_MS.fine, ...columnsOf([]) } }] as const;
  };
  return { now: NOW, horizonsMs: [...horizonsMs], windowMs, periodMs, series: series(), database: { home } };
};

/** Looks at the children of this process every few milliseconds. @returns ends it, and says what one of them weighed and computed at most */
const watchChild = (): (() => { peakMb: number; cpuSeconds: number }) => {
  let [peakMb, cpuSeconds] = [0, 0];
  const timer = setInterval(() => {
    for (const pid of readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean)) {
      const seen = usageOf(Number(pid));
      peakMb = Math.max(peakMb, seen.rssMb);
      cpuSeconds = Math.max(cpuSeconds, seen.cpuSeconds);
    }
  }, 20);
  return () => {
    clearInterval(timer);
    return { peakMb, cpuSeconds };
  };
};

/** User and system time, in hundredths of a second, are the 12th and 13th figure after the name. */
const usageOf = (pid: number): { rssMb: number; cpuSeconds: number } => {
  try {
    const figures = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return { rssMb: memoryOf(pid).rssMb, cpuSeconds: (Number(figures[11]) + Number(figures[12])) / 100 };
  } catch {
    return { rssMb: 0, cpuSeconds: 0 };
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
