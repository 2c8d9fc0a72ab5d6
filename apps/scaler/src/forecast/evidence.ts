import { z } from 'zod';
import { MODEL_NAMES } from './forecast';
import type { ForecastRules } from './rules';
import type { Series } from './series';

/** How models have done: of each series its rolling errors, breaches, residuals, champions and their dwell. Survives the process that gathered it. */
export interface Evidence {
  /** When it was laid down, epoch milliseconds. */
  readonly at: number;
  /** What it is about: figures of other models or look-aheads mean nothing here. */
  readonly about: string;
  readonly series: ReadonlyMap<Series, Float32Array>;
}

/** Changes whenever what is laid down changes. */
const LAYOUT = 2;

export const aboutOf = ({ horizonsMs, periodMs, windowMs }: ForecastRules): string => JSON.stringify([LAYOUT, MODEL_NAMES, horizonsMs, periodMs, windowMs]);

const Packed = z.object({ at: z.number(), about: z.string(), series: z.array(z.tuple([z.templateLiteral([z.enum(['memory', 'rate', 'queue-age']), ':', z.string()]), z.int().min(1)])), bytes: z.base64() });

/** As text: names and lengths, and all figures in single precision. Less than 3 kB for a series and look-ahead. */
export const packed = ({ at, about, series }: Evidence): string => {
  const bytes = Buffer.concat([...series.values()].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))).toString('base64');
  return JSON.stringify({ at, about, series: [...series].map(([name, { length }]) => [name, length]), bytes });
};

/** @throws Error when it is damaged */
export const unpacked = (text: string): Evidence => {
  const { at, about, series, bytes } = Packed.parse(JSON.parse(text));
  const data = Buffer.from(bytes, 'base64');
  const total = series.reduce((sum, [, length]) => sum + length, 0);
  if (data.length !== total * Float32Array.BYTES_PER_ELEMENT) throw new Error(`it should hold ${total} figures and has ${data.length} bytes`);
  const figures = new Float32Array(new Uint8Array(data).buffer);
  let from = 0;
  return { at, about, series: new Map(series.map(([name, length]) => [name, figures.subarray(from, (from += length))])) };
};
