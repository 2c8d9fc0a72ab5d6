import type { Problem } from '@conductor/http';
import type { PlatformStorage } from '@conductor/platform-kit';
import { androidDefaults } from '../android-config';
import type { PlatformSlot } from '../platform-slot';
import { RateLimit } from './rate-limit';

const MINUTE = 60_000;

const limitAt = () => {
  const values = new Map<string, number>();
  const increment = async (key: string, by = 1) => {
    values.set(key, (values.get(key) ?? 0) + by);
    return values.get(key)!;
  };
  const storage = { get: async (key: string) => values.get(key), increment } as unknown as PlatformStorage;
  const clock = { now: 1_000 * MINUTE };
  const limit = new RateLimit({ storage } as PlatformSlot, androidDefaults, () => clock.now);
  const refusal = (user = 'ada') => limit.take(user).then(() => undefined, (error: Problem) => error);
  return { limit, clock, refusal };
};

describe('the rate limit', () => {
  it('lets ten a minute through, each user for himself', async () => {
    const { limit, refusal } = limitAt();
    for (let n = 0; n < 10; n++) await limit.take('ada');

    expect(await refusal()).toMatchObject({ code: 'rate-limited' });
    expect(await refusal('ben')).toBeUndefined();
  });

  it('does not give double at the turn of the minute', async () => {
    const { limit, clock, refusal } = limitAt();
    clock.now += MINUTE - 1_000;
    for (let n = 0; n < 10; n++) await limit.take('ada');

    clock.now += 2_000;

    expect(await refusal()).toMatchObject({ code: 'rate-limited' });
  });

  it.each([0, 10_000, 30_000, 59_000])('takes the next one when the time it named is over, and not much before (%i ms into the minute)', async (passed) => {
    const { limit, clock, refusal } = limitAt();
    clock.now += passed;
    for (let n = 0; n < 10; n++) await limit.take('ada');
    const { retryAfterSeconds } = (await refusal())!;

    clock.now += retryAfterSeconds! * 1_000 - 2_000;
    expect(await refusal()).toMatchObject({ code: 'rate-limited' });
    clock.now += 2_000;
    expect(await refusal()).toBeUndefined();
  });

  it('does not count what was refused or given back', async () => {
    const { limit, refusal } = limitAt();
    for (let n = 0; n < 9; n++) await limit.take('ada');
    for (let n = 0; n < 3; n++) await (await limit.take('ada'))();

    expect(await refusal()).toBeUndefined();
    expect(await refusal()).toMatchObject({ code: 'rate-limited' });
  });
});
