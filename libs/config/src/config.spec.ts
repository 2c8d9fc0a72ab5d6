import { ConfigurationError, configFrom, loadConfig, portOf } from './index';

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

  it('takes the names of layers of isolation and no other, and none of them in strict mode', () => {
    expect(loadConfig({}).plugins.allowMissingIsolation).toEqual([]);
    expect(loadConfig({ PLUGIN_ALLOW_MISSING_ISOLATION: 'files, user' }).plugins.allowMissingIsolation).toEqual(['files', 'user']);
    expect(() => loadConfig({ PLUGIN_ALLOW_MISSING_ISOLATION: 'memory' })).toThrow(/PLUGIN_ALLOW_MISSING_ISOLATION\S*: .*files/);
    expect(() => loadConfig({ PLUGIN_ALLOW_MISSING_ISOLATION: 'files', PLUGIN_STRICT: 'true' })).toThrow('PLUGIN_ALLOW_MISSING_ISOLATION: contradicts PLUGIN_STRICT');
  });

  it('suggests the variable that was probably meant', () => {
    expect(() => loadConfig({ CONDUCTOR_ADMINKEY: 'a' })).toThrow(/did you mean CONDUCTOR_\w+\?/);
  });

  it('knows the settings of every app wherever it is read, and starts platforms in the order of their apps', () => {
    expect(() => loadConfig({ BRAIN_TIMEUOT_MS: '1' })).toThrow('BRAIN_TIMEUOT_MS: not a setting of the Conductor; did you mean BRAIN_TIMEOUT_MS?');
    expect(() => loadConfig({ SCALER_MEMORY_WALL: 'china' })).toThrow(/SCALER_MEMORY_WALL: /);
    expect(loadConfig({}).startup.platforms).toEqual(['brain', 'android', 'minecraft', 'twitch', 'tiktok', 'youtube']);
  });

  it('has no port for an app that is not there, and says which are', () => {
    expect(() => portOf(loadConfig({}), 'webhok')).toThrow(/There is no app "webhok": apps\/webhok\/app\.json is missing\. There are conductor, router/);
  });

  it('takes nothing but settings from a test, to which an empty one is a setting', () => {
    expect(() => configFrom({ MESSAGE_TLT_MS: '1' })).toThrow('MESSAGE_TLT_MS: not a setting');
    expect(configFrom({ STARTUP_PLATFORMS: '' }).startup.platforms).toEqual([]);
  });

  it('leaves variables of others alone and takes an empty one for absent', () => {
    expect(loadConfig({ PATH: '/bin', REDIS_URL: '', EDITOR: 'vi' }).redisUrl).toBeUndefined();
  });
});
