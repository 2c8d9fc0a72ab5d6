import type { TimeWindow } from '@conductor/contracts';

const DAYS: Record<string, string> = { Mon: 'mon', Tue: 'tue', Wed: 'wed', Thu: 'thu', Fri: 'fri', Sat: 'sat', Sun: 'sun' };
const YESTERDAY: Record<string, string> = { mon: 'sun', tue: 'mon', wed: 'tue', thu: 'wed', fri: 'thu', sat: 'fri', sun: 'sat' };

/**
 * Compiles a window of the week. A window that spans midnight belongs to the day on which it begins.
 * @throws RangeError for a time zone that does not exist
 */
export const compileWindow = (window: TimeWindow): ((at: Date) => boolean) => {
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: window.timezone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const from = window.from ?? '00:00';
  const to = window.to ?? '24:00';
  const days = window.days && new Set<string>(window.days);
  return (at) => {
    const parts = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
    const today = DAYS[parts['weekday']!]!;
    const now = `${parts['hour']}:${parts['minute']}`;
    const spansMidnight = from >= to;
    if (!spansMidnight) return now >= from && now < to && (!days || days.has(today));
    if (now >= from) return !days || days.has(today);
    return now < to && (!days || days.has(YESTERDAY[today]!));
  };
};
