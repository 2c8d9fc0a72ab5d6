import { readFileSync } from 'node:fs';
import { extname } from 'node:path';

/** A recorded series. `every` is the time between two values, in milliseconds. */
export interface Recorded {
  readonly name: string;
  readonly everyMs: number;
  readonly points: ReadonlyArray<{ readonly at: number; readonly value: number }>;
}

/** What cannot be replayed, and why. */
export class UnusableSeries extends Error {
  override readonly name = 'UnusableSeries';
}

/**
 * Reads CSV (a header, then time stamp and value, as ISO 8601, epoch seconds or milliseconds, or a plain count of periods) or JSON
 * (`[{ "at": …, "value": … }]`). Rows that are no figures are gaps.
 * @throws UnusableSeries
 */
export const readSeries = (file: string): Recorded => {
  const text = readFileSync(file, 'utf8');
  const points = (extname(file) === '.json' ? fromJson(text) : fromCsv(text)).sort((a, b) => a.at - b.at);
  if (points.length < 10) throw new UnusableSeries(`${file} holds ${points.length} figures: too few to be replayed. It needs a header and one row a period: time stamp, value.`);
  const steps = points.slice(1).map(({ at }, index) => at - points[index]!.at).filter((step) => step > 0).sort((a, b) => a - b);
  return { name: file.replace(/^.*[\\/]/, '').replace(/\.\w+$/, ''), everyMs: steps[Math.floor(steps.length / 2)] ?? 60_000, points };
};

const fromJson = (text: string) => (JSON.parse(text) as Array<{ at: number; value: number }>).filter(({ at, value }) => Number.isFinite(at) && Number.isFinite(value)).map(({ at, value }) => ({ at, value }));

const fromCsv = (text: string) =>
  text.split(/\r?\n/).flatMap((line) => {
    const [time = '', figure = ''] = line.split(/[,;\t]/).map((cell) => cell.trim().replaceAll('"', ''));
    const [at, value] = [moment(time), figure === '' ? NaN : Number(figure)];
    return Number.isFinite(at) && Number.isFinite(value) ? [{ at, value }] : [];
  });

const moment = (text: string): number => {
  if (text === '') return NaN;
  const number = Number(text);
  if (!Number.isFinite(number)) return Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
  return number > 1e11 ? number : number * 1_000;
};
