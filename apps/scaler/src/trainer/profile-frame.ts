import { DataFrame } from 'danfojs';
import { mean } from 'simple-statistics';
import type { Profile } from '../forecast/learned';
import { localTime } from '../forecast/local-time';
import { weekdayOf } from '../forecast/models/seasonal';
import type { SeriesData } from './training-data';

const DAY_MS = 86_400_000;
const SLOT_MS = 15 * 60_000;
/** A day counts when so much of it is known. */
const LEAST_OF_DAY = 0.8;
const WEEK = 7;

/**
 * The profile of a series by time of day and weekday, from its roll-ups, prepared with Danfo.js. Every day is divided by its own mean first,
 * so that a busy day says no more about the hours than a quiet one.
 * @param timeZone by whose clocks the days go; where these are put forward or back, a day is an hour shorter or longer and its hours stay in place
 * @returns undefined without one whole day
 */
export const profileOf = ({ at, value, everyMs }: SeriesData['rollups'], timeZone?: string): Omit<Profile, 'trend'> | undefined => {
  if (at.length === 0 || at.at(-1)! - at[0]! < DAY_MS * LEAST_OF_DAY) return undefined;
  const slotMs = Math.max(SLOT_MS, everyMs);
  const local = at.map((time) => localTime(time, timeZone));
  const days = local.map((time) => Math.floor(time / DAY_MS));
  const levels = wholeDays(days, value, DAY_MS / everyMs);
  if (levels.size === 0) return undefined;
  const rows = local.flatMap((time, index) => {
    const level = levels.get(days[index]!);
    return level === undefined ? [] : [[Math.floor((time % DAY_MS) / slotMs), value[index]! / level]];
  });
  const bySlot = means(new DataFrame(rows, { columns: ['slot', 'share'] }), 'slot', 'share');
  return { slotMs, slots: completed(bySlot, Math.round(DAY_MS / slotMs)), weekdays: weekdaysOf(levels), ...(timeZone !== undefined && { timeZone }) };
};

/** The mean of each day that is known well enough and not all 0. */
const wholeDays = (days: number[], value: number[], perDay: number): Map<number, number> => {
  const grouped = new DataFrame({ day: days, value, one: value.map(() => 1) }).groupby(['day']).agg({ value: 'mean', one: 'count' });
  const [day, level, count] = ['day', 'value_mean', 'one_count'].map((name) => grouped.columns.indexOf(name)) as [number, number, number];
  const known = (grouped.values as number[][]).filter((row) => row[count]! >= perDay * LEAST_OF_DAY && row[level]! > 0);
  return new Map(known.map((row) => [row[day]!, row[level]!]));
};

/** 1 until there is a week; each weekday is pulled towards 1 as if one such day had been an ordinary one. */
const weekdaysOf = (levels: ReadonlyMap<number, number>): number[] => {
  const ordinary = Array.from({ length: WEEK }, () => 1);
  if (levels.size < WEEK) return ordinary;
  const usual = mean([...levels.values()]);
  const shares = ordinary.map(() => [1]);
  for (const [day, level] of levels) shares[weekdayOf(day * DAY_MS)]!.push(level / usual);
  return shares.map(mean);
};

const means = (frame: DataFrame, key: string, of: string): Map<number, number> => {
  const grouped = frame.groupby([key]).agg({ [of]: 'mean' });
  return new Map((grouped.values as number[][]).map((row) => [row[grouped.columns.indexOf(key)]!, row[grouped.columns.indexOf(`${of}_mean`)]!]));
};

/** Slots that never had a value get the one before them. */
const completed = (bySlot: ReadonlyMap<number, number>, count: number): number[] => {
  const slots: number[] = [];
  for (let slot = 0; slot < count; slot++) slots.push(bySlot.get(slot) ?? slots.at(-1) ?? 1);
  return slots;
};
