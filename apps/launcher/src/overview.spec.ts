import { firstCommands } from './overview';

describe('the commands to copy', () => {
  const urlOf = (app: string) => `http://127.0.0.1/${app}`;

  it('read the key from its file, whatever that is called', () => {
    expect(firstCommands(urlOf, '.conductor/admin-key')[1]).toContain('"Authorization: Bearer $(cat .conductor/admin-key)"');
    expect(firstCommands(urlOf, "/a b/it's/admin-key")[1]).toContain(`$(cat '/a b/it'\\''s/admin-key')`);
  });

  it('take a preset key, which is in no file, from its variable', () => {
    expect(firstCommands(urlOf, undefined).join('\n').match(/Bearer \$CONDUCTOR_ADMIN_KEY"/g)).toHaveLength(2);
  });

  it('leave out what does not run', () => {
    expect(firstCommands((app) => (app === 'router' ? 'http://127.0.0.1/router' : undefined), 'key').join('\n')).not.toContain('/v1/status');
  });
});
