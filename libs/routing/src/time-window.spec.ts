import { TimeWindow } from '@conductor/contracts';
import { compileWindow } from './time-window';

// 2026-03-02 is a Monday.
const holds = (window: unknown, at: string) => compileWindow(TimeWindow.parse(window))(new Date(at));

describe('a time window', () => {
  it.each<[string, unknown, string, boolean]>([
    ['begins with its first minute', { from: '09:00', to: '17:00' }, '2026-03-02T09:00:00Z', true],
    ['does not hold just before', { from: '09:00', to: '17:00' }, '2026-03-02T08:59:59.999Z', false],
    ['holds to the end of the minute before its end', { from: '09:00', to: '17:00' }, '2026-03-02T16:59:59.999Z', true],
    ['ends with its last minute', { from: '09:00', to: '17:00' }, '2026-03-02T17:00:00Z', false],
    ['without a beginning holds from midnight on', { to: '06:00' }, '2026-03-02T00:00:00Z', true],
    ['without an end holds until midnight', { from: '18:00' }, '2026-03-02T23:59:59Z', true],
    ['without an end does not reach into the next day', { from: '18:00' }, '2026-03-03T00:00:00Z', false],
    ['of days alone holds all day', { days: ['mon'] }, '2026-03-02T23:59:00Z', true],
    ['of days alone holds on no other day', { days: ['mon'] }, '2026-03-03T00:00:00Z', false],
    ['that asks for nothing always holds', {}, '2026-03-02T03:00:00Z', true],
    ['from and to the same time holds a day long', { days: ['mon'], from: '08:00', to: '08:00' }, '2026-03-03T07:59:00Z', true],
    ['from and to the same time is over a day later', { days: ['mon'], from: '08:00', to: '08:00' }, '2026-03-03T08:00:00Z', false],
  ])('%s', (_, window, at, expected) => {
    expect(holds(window, at)).toBe(expected);
  });

  describe('across midnight', () => {
    const night = { days: ['fri', 'sun'], from: '22:00', to: '06:00' };

    it.each<[string, string, boolean]>([
      ['holds before midnight on its day', '2026-03-06T22:00:00Z', true],
      ['holds after midnight, though the day is not one of its own', '2026-03-07T05:59:00Z', true],
      ['is over in the morning', '2026-03-07T06:00:00Z', false],
      ['does not begin on another day', '2026-03-07T22:00:00Z', false],
      ['does not hold in the small hours of its day, which belong to the day before', '2026-03-06T03:00:00Z', false],
      ['goes on from Sunday into Monday', '2026-03-09T03:00:00Z', true],
      ['does not hold in between', '2026-03-06T12:00:00Z', false],
    ])('%s', (_, at, expected) => {
      expect(holds(night, at)).toBe(expected);
    });

    it('ends with the day where it goes to 00:00', () => {
      expect(holds({ from: '18:00', to: '00:00' }, '2026-03-06T23:59:59Z')).toBe(true);
      expect(holds({ from: '18:00', to: '00:00' }, '2026-03-07T00:00:00Z')).toBe(false);
    });
  });

  describe('in a time zone', () => {
    it.each<[string, unknown, string, boolean]>([
      ['goes by the clock there', { from: '09:00', to: '10:00', timezone: 'Asia/Tokyo' }, '2026-03-02T00:30:00Z', true],
      ['goes by the day there, which may have begun', { days: ['tue'], timezone: 'Asia/Tokyo' }, '2026-03-02T15:00:00Z', true],
      ['goes by the day there, which may not be over', { days: ['sun'], timezone: 'America/Los_Angeles' }, '2026-03-02T07:59:00Z', true],
      ['knows offsets of less than an hour', { from: '05:45', to: '05:46', timezone: 'Asia/Kathmandu' }, '2026-03-02T00:00:00Z', true],
    ])('%s', (_, window, at, expected) => {
      expect(holds(window, at)).toBe(expected);
    });

    const office = { from: '09:00', to: '17:00', timezone: 'Europe/Berlin' };

    it.each<[string, string, boolean]>([
      ['one hour off UTC before summer time begins', '2026-03-28T08:00:00Z', true],
      ['not yet open at that hour before', '2026-03-28T07:00:00Z', false],
      ['two hours off UTC from the day on which it begins', '2026-03-29T07:00:00Z', true],
      ['closed by that hour then', '2026-03-29T15:00:00Z', false],
      ['one hour off UTC again when it is over', '2026-10-25T08:00:00Z', true],
      ['not open yet at that hour', '2026-10-25T07:59:00Z', false],
    ])('follows daylight saving: %s', (_, at, expected) => {
      expect(holds(office, at)).toBe(expected);
    });

    it('holds in both hours that the clock shows twice', () => {
      const window = { from: '02:00', to: '03:00', timezone: 'Europe/Berlin' };

      expect(['2026-10-24T23:59:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:00:00Z'].map((at) => holds(window, at))).toEqual([false, true, true, false]);
    });

    it('does not hold on the day whose clock leaves it out', () => {
      const window = { from: '02:00', to: '03:00', timezone: 'Europe/Berlin' };

      expect(['2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z'].map((at) => holds(window, at))).toEqual([false, false]);
    });
  });
});
