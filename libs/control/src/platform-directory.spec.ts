import { Notices, PlatformDirectory } from './index';
import { forget, openTestContext, testConfig } from '@conductor/testing';

const config = testConfig();
afterAll(() => forget(config));

const open = async () => {
  const context = await openTestContext('conductor', config);
  const notices = context.resources.hold('further notices', new Notices(context.connections, context.logger), (held) => held.close());
  const directory = context.resources.hold('directory', new PlatformDirectory(context.connections, notices, context.logger), (held) => held.close());
  await directory.open();
  return { context, directory };
};

it('takes a platform of which only one thing was ever wished for as wanted, also in a process that starts later', async () => {
  const before = await open();
  await before.directory.desire('discord', { pinned: true });
  const later = await open();

  expect(later.directory.desired.get('discord')).toMatchObject({ enabled: true, pinned: true, restarts: 0 });
  expect(later.directory.availability('discord').state).toBe('registered');
  await Promise.all([before, later].map(({ context }) => context.resources.drain()));
});

it('takes a reason that was cut in the middle of an emoji, and can be changed afterwards', async () => {
  const { context, directory } = await open();
  await directory.desire('twitch', { enabled: false, reason: 'maintenance \ud83d' });

  expect(await directory.desire('twitch', { enabled: true })).toMatchObject({ enabled: true, reason: 'maintenance \ufffd' });
  await context.resources.drain();
});
