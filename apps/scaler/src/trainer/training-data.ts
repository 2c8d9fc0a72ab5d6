import { z } from 'zod';

/** Roll-ups are read as the profile of the day has them: it is the only one that learns from these. */
export const QUARTER_MS = 900_000;

/** Parallel arrays, oldest first; `at` in epoch milliseconds. JSON of numbers is read ten times faster than JSON of objects. */
const columnsSchema = z.object({ at: z.array(z.number()), value: z.array(z.number().nonnegative()) });

const seriesDataSchema = z.object({
  /** The latest samples as they were observed. */
  history: columnsSchema,
  /** Means of the last days, each of a period of `everyMs` that begins at `at`. From quarters of an hour the profile of day and week is learned; finer ones serve the regression, too. */
  rollups: columnsSchema.extend({ everyMs: z.number().positive() }),
});

/** What a training run is given on its standard input, as JSON. */
export const trainingDataSchema = z.object({
  now: z.number(),
  horizonsMs: z.array(z.number().positive()).min(1),
  windowMs: z.number().positive(),
  periodMs: z.number().positive(),
  /** By whose clocks profiles of the day are learned, an IANA name; absent: UTC. */
  timeZone: z.string().optional(),
  series: z.record(z.string(), seriesDataSchema),
  /** Where the roll-ups of series that come without any are. Its address may hold a password, so no command line shows it. */
  database: z.object({ home: z.string(), databaseUrl: z.string().optional() }).optional(),
});

export type Columns = z.infer<typeof columnsSchema>;
export type SeriesData = z.infer<typeof seriesDataSchema>;
export type TrainingData = z.infer<typeof trainingDataSchema>;

/** The same as the scaler hands it over: one series after the other, so that they are never all copied at a time. */
export interface TrainingInput extends Omit<TrainingData, 'series'> {
  readonly series: Iterable<readonly [name: string, data: SeriesData]>;
}
