/** No zone changes its clocks within a quarter of an hour by UTC. */
const QUARTER_MS = 15 * 60_000;
const MINUTE_MS = 60_000;
/** Six weeks of quarters; asking anew costs some microseconds each. */
const MOST_KNOWN = 4_096;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly offsets: Map<number, number>;
}
const zones = new Map<string, Zone>();

/** The zone of this machine: `TZ`, else as the system is set. */
export const hostTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * What the clock on the wall shows, as if that were UTC: people's days follow it, also when it is put forward or back.
 * @param at epoch milliseconds
 * @param timeZone IANA name; absent: UTC
 * @throws RangeError for a zone that is not known
 */
export const localTime = (at: number, timeZone?: string): number => (timeZone === undefined || timeZone === 'UTC' ? at : at + offsetAt(at, timeZone));

const offsetAt = (at: number, timeZone: string): number => {
  const { format, offsets } = zones.get(timeZone) ?? learnZone(timeZone);
  const quarter = Math.floor(at / QUARTER_MS);
  const known = offsets.get(quarter);
  if (known !== undefined) return known;
  const offset = offsetIn(format, quarter * QUARTER_MS);
  if (offsets.size >= MOST_KNOWN) offsets.clear();
  offsets.set(quarter, offset);
  return offset;
};

const learnZone = (timeZone: string): Zone => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
  const zone = { format, offsets: new Map<number, number>() };
  zones.set(timeZone, zone);
  return zone;
};

const offsetIn = (format: Intl.DateTimeFormat, at: number): number => {
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const shown = Date.UTC(parts['year']!, parts['month']! - 1, parts['day'], parts['hour'], parts['minute']);
  return Math.round((shown - at) / MINUTE_MS) * MINUTE_MS;
};
