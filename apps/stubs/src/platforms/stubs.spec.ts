import { checkPlatformContract } from '@conductor/platform-kit';
import { stubs } from './stubs';

describe('the stubs', () => {
  it('are the four platforms that are not hooked up yet', () => {
    expect(stubs.map(({ name }) => name)).toEqual(['minecraft', 'twitch', 'tiktok', 'youtube']);
  });

  it.each(stubs.map((stub) => [stub.name, stub] as const))('%s keeps the contract of every platform', async (_, stub) => {
    expect(await checkPlatformContract(stub)).toEqual([]);
  });
});
