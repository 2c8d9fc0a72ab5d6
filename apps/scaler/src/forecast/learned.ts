import { z } from 'zod';

/** Share of the mean level at each time of day and on each weekday (0 is Sunday), by the clocks of `timeZone`. */
const profileSchema = z.object({
  slotMs: z.number().positive(),
  slots: z.array(z.number().nonnegative()).min(1),
  weekdays: z.array(z.number().nonnegative()).length(7),
  /** IANA name; absent: UTC. */
  timeZone: z.string().optional(),
  /** How much of a trend against the profile lasts, 0 to 1. */
  trend: z.number().min(0).max(1),
});

const seriesLearnedSchema = z.object({
  /** By look-ahead in milliseconds: a coefficient for each feature (`models/regression.ts`). */
  regression: z.record(z.string(), z.array(z.number())),
  holt: z.object({ level: z.number().min(0).max(1), trend: z.number().min(0).max(1), damping: z.number().min(0).max(1), stepMs: z.number().positive() }).optional(),
  /** Absent until there is a day of history. */
  profile: profileSchema.optional(),
});

/** What a training run hands to the models. zod 4 admits finite numbers only. */
export const learnedSchema = z.object({
  /** The `now` of the data it was trained on, epoch milliseconds. */
  trainedAt: z.number(),
  series: z.record(z.string(), seriesLearnedSchema),
});

export type Profile = z.infer<typeof profileSchema>;
export type SeriesLearned = z.infer<typeof seriesLearnedSchema>;
export type Learned = z.infer<typeof learnedSchema>;

export const NOTHING_LEARNED: Learned = { trainedAt: 0, series: {} };
