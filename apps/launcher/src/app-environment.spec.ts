import { configFrom } from '@conductor/config';
import { appEnvironment } from './app-environment';

const GIVEN = {
  PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'x', NODE_OPTIONS: '--inspect', LOG_LEVEL: 'debug', STUBS_PORT: '4004',
  BRAIN_API_KEY: 'sk-1', BRAIN_URL: 'http://127.0.0.1:1/v1', DATABASE_URL: 'postgres://me:secret@127.0.0.1/db', CONDUCTOR_ADMIN_KEY: 'a-key-of-sixteen-letters', SCALER_TRAINING: 'false',
};
const of = (app: string) => appEnvironment(app, GIVEN, configFrom({}), 'redis://127.0.0.1:1');

describe('the environment of an app', () => {
  it.each(['router', 'android', 'stubs', 'plugin-host', 'brain', 'an-app-of-somebody'])('has none of the secrets that %s has no use for', (app) => {
    const { DATABASE_URL, CONDUCTOR_ADMIN_KEY, SCALER_TRAINING } = of(app);

    expect([DATABASE_URL, CONDUCTOR_ADMIN_KEY, SCALER_TRAINING]).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['brain', { BRAIN_API_KEY: 'sk-1', BRAIN_URL: 'http://127.0.0.1:1/v1' }],
    ['conductor', { DATABASE_URL: GIVEN.DATABASE_URL, CONDUCTOR_ADMIN_KEY: GIVEN.CONDUCTOR_ADMIN_KEY }],
    ['health-monitor', { DATABASE_URL: GIVEN.DATABASE_URL }],
    ['scaler', { DATABASE_URL: GIVEN.DATABASE_URL, SCALER_TRAINING: 'false' }],
  ])('has what %s is told', (app, own) => {
    expect(of(app)).toMatchObject(own);
  });

  it('has no key of the brain anywhere else', () => {
    for (const app of ['conductor', 'router', 'android', 'health-monitor', 'scaler', 'stubs', 'plugin-host']) expect(of(app)).not.toHaveProperty('BRAIN_API_KEY');
  });

  it('has what is common and of the system, and nothing of other programs', () => {
    expect(of('stubs')).toMatchObject({ PATH: '/bin', LOG_LEVEL: 'debug', STUBS_PORT: '4004', REDIS_URL: 'redis://127.0.0.1:1' });
    expect(of('stubs')).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
    expect(of('stubs')).not.toHaveProperty('NODE_OPTIONS');
  });
});
