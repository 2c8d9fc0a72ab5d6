import { localTime } from '../local-time';
import type { Profile, SeriesLearned } from '../learned';
import type { Look } from '../look';
import type { ForecastModel } from './model';

const DAY_MS = 86_400_000;
/** A quiet hour of which little is known must not promise a hundredfold. */
const MOST_CHANGE = 10;
/** Added to both sides of a ratio, as a share of the day's mean level, which is 1. */
const FLOOR = 0.02;

/** The present level, moved along the learned profile of day and week, and by what remains of the present trend against that profile. */
export const seasonal: ForecastModel = {
  name: 'seasonal',
  expect: (look, horizonMs, learned: SeriesLearned | undefined) => {
    const profile = learned?.profile;
    if (!profile) return undefined;
    return look.meanTenth * changeBetween(profile, look.now - look.windowMs / 20, look.now + horizonMs) * trendAgainst(profile, look, horizonMs);
  },
};

const changeBetween = (profile: Profile, from: number, to: number): number => {
  const ratio = (levelAt(profile, to) + FLOOR) / (levelAt(profile, from) + FLOOR);
  return Math.min(MOST_CHANGE, Math.max(1 / MOST_CHANGE, ratio));
};

/** By how much today runs away from the profile: the latest fifth of the window against all of it, as far as trends lasted in the past. */
const trendAgainst = (profile: Profile, { now, windowMs, mean, meanFifth }: Look, horizonMs: number): number => {
  if (profile.trend === 0 || mean <= 0 || meanFifth <= 0) return 1;
  const middles = 0.4 * windowMs;
  const growth = meanFifth / mean / changeBetween(profile, now - windowMs / 2, now - windowMs / 10);
  const lasting = profile.trend * Math.min(1, horizonMs / middles);
  return Math.min(2, Math.max(0.5, growth ** lasting));
};

/** The profile's level at a moment, between the middles of two slots in proportion. 1 is the mean of all. */
export const levelAt = ({ slotMs, slots, weekdays, timeZone }: Profile, time: number): number => {
  const at = localTime(time, timeZone);
  const position = (((at % DAY_MS) + DAY_MS) % DAY_MS) / slotMs - 0.5;
  const before = Math.floor(position);
  const share = position - before;
  const slot = (index: number) => slots[(index + slots.length) % slots.length]!;
  return (slot(before) * (1 - share) + slot(before + 1) * share) * weekdays[weekdayOf(at)]!;
};

/** 0 is Sunday. Takes local time as `localTime` gives it; the first day of 1970 was a Thursday. */
export const weekdayOf = (at: number): number => (((Math.floor(at / DAY_MS) + 4) % 7) + 7) % 7;
