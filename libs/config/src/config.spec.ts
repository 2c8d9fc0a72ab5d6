import { ConfigurationError, loadConfig } from './index';

describe('the configuration', () => {
  it('needs nothing to be set', () => {
    const config = loadConfig({});

    expect(config.ports).toMatchObject({ conductor: 3000, router: 3001, android: 3002 });
    expect(config.host).toBe('127.0.0.1');
  });

  it('names every wrong variable and every unknown one at once', () => {
    const wrong = () => loadConfig({ ROUTER_PORT: 'http', HEALTH_INTERVAL_MS: '-1', CONDUCTOR_HOEM: '/x', BRAIN_MODLE_NAME: 'x' });

    expect(wrong).toThrow(ConfigurationError);
    expect(wrong).toThrow(/ROUTER_PORT[^]*HEALTH_INTERVAL_MS[^]*CONDUCTOR_HOEM: not a setting[^]*BRAIN_MODLE_NAME/);
  });

  it('suggests the variable that was probably meant', () => {
    expect(() => loadConfig({ CONDUCTOR_ADMINKEY: 'a' })).toThrow(/did you mean CONDUCTOR_\w+\?/);
  });

  it('leaves variables of others alone and takes an empty one for absent', () => {
    expect(loadConfig({ PATH: '/bin', REDIS_URL: '', EDITOR: 'vi' }).redisUrl).toBeUndefined();
  });
});
