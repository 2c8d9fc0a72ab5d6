import { localTime } from './local-time';

const HOUR = 3_600_000;
const shown = (at: number, zone?: string) => new Date(localTime(at, zone)).toISOString().slice(0, 16);

describe('local time', () => {
  it('is what the clocks of a zone show, and UTC without one', () => {
    const at = Date.UTC(2026, 0, 31, 23, 50);
    expect([undefined, 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu'].map((zone) => shown(at, zone))).toEqual(['2026-01-31T23:50', '2026-01-31T23:50', '2026-02-01T00:50', '2026-01-31T18:50', '2026-02-01T05:35']);
  });

  it('leaps an hour in spring, and takes one twice in autumn', () => {
    const spring = Date.UTC(2026, 2, 29, 0, 30);
    expect([0, 1, 2].map((hours) => shown(spring + hours * HOUR, 'Europe/Berlin'))).toEqual(['2026-03-29T01:30', '2026-03-29T03:30', '2026-03-29T04:30']);
    const autumn = Date.UTC(2026, 9, 25, 0, 30);
    expect([0, 1, 2].map((hours) => shown(autumn + hours * HOUR, 'Europe/Berlin'))).toEqual(['2026-10-25T02:30', '2026-10-25T02:30', '2026-10-25T03:30']);
  });

  it('is refused for a zone that nobody knows', () => {
    expect(() => localTime(0, 'Europe/Atlantis')).toThrow(RangeError);
  });
});
