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

describe('variables of other programs', () => {
  it.each([
    ['an Android developer', { ANDROID_HOME: '/opt/sdk', ANDROID_SDK_ROOT: '/opt/sdk', ANDROID_NDK_HOME: '/opt/ndk', ANDROID_AVD_HOME: '/a', ANDROID_SERIAL: 'x', ANDROID_ADB_SERVER_PORT: '5037' }],
    ['a phone', { ANDROID_ROOT: '/system', ANDROID_DATA: '/data', ANDROID_STORAGE: '/storage', ANDROID_TZDATA_ROOT: '/apex' }],
    ['Kubernetes, for a Service named like an app', { ROUTER_SERVICE_HOST: '10.43.7.9', ROUTER_SERVICE_PORT: '3001', ROUTER_SERVICE_PORT_HTTP: '3001', ROUTER_PORT: 'tcp://10.43.7.9:3001', ROUTER_PORT_3001_TCP: 'tcp://10.43.7.9:3001', ROUTER_PORT_3001_TCP_PROTO: 'tcp', ROUTER_PORT_3001_TCP_PORT: '3001', ROUTER_PORT_3001_TCP_ADDR: '10.43.7.9' }],
    ['Kubernetes, for a Service named like us', { CONDUCTOR_SERVICE_HOST: '10.43.7.9', CONDUCTOR_PORT: 'tcp://10.43.7.9:3000', CONDUCTOR_PORT_3000_TCP: 'tcp://10.43.7.9:3000', HEALTH_MONITOR_PORT: 'udp://10.43.7.9:3003' }],
    ['other tools', { PLUGIN_PATH: '/x', HEALTH_CHECK_URL: 'http://x', STARTUP_SCRIPT: 'x', METRICS_PORT: '9090', ROUTER_ADVERTISE_ADDRESS: 'x' }],
  ])('such as those of %s stop nothing', (_, env) => {
    expect(loadConfig(env).ports).toEqual(loadConfig({}).ports);
  });

  it.each([
    ['ANDROID_PROT', 'ANDROID_PORT'],
    ['ROUTER_PORTS', 'ROUTER_PORT'],
    ['HEALTH_INTERVALL_MS', 'HEALTH_INTERVAL_MS'],
    ['HEALTH_INTERVAL', 'HEALTH_INTERVAL_MS'],
    ['BRAIN_APIKEY', 'BRAIN_API_KEY'],
    ['BREAKER_PERCENT_ERROR', 'BREAKER_ERROR_PERCENT'],
    ['PLUGIN_FOLDER', 'PLUGIN_FOLDERS'],
  ])('are told from a mistyped setting: %s', (given) => {
    expect(() => loadConfig({ [given]: '1' })).toThrow(`${given}: not a setting of the Conductor`);
  });
});

describe('a value', () => {
  it('is taken as it was meant', () => {
    const config = loadConfig({ LOG_LEVEL: ' INFO ', LOG_FORMAT: '"Json"', ROUTER_PORT: ' 4001\r', PLUGIN_STRICT: 'TRUE', SCALER_MEMORY_WALL: 'Budget', BREAKER_VOLUME: "'7'", HEALTH_TIMEOUT_MS: '   ' });

    expect(config).toMatchObject({ logLevel: 'info', logFormat: 'json', plugins: { strict: true }, breaker: { volume: 7 }, health: { timeoutMs: 1_000 } });
    expect(config.ports['router']).toBe(4001);
  });

  it.each([
    ['ROUTER_PORT', 'http', /ROUTER_PORT: must be a number/],
    ['LOG_LEVEL', 'loud', /LOG_LEVEL: .*"trace"\|"debug"/],
  ])('of %s that cannot be is named with what can', (variable, value, says) => {
    expect(() => loadConfig({ [variable]: value })).toThrow(says);
  });

  it.each([
    ['REDIS_URL', 'redis://:100%sure@127.0.0.1:6390', /REDIS_URL: has a % in it .* must be written %25/],
    ['REDIS_URL', 'redis://:a#b@127.0.0.1:6390', /REDIS_URL: cannot be read as an address; .*# %23/],
    ['DATABASE_URL', 'postgres://me:50%@127.0.0.1/db', /DATABASE_URL: has a % in it .* must be written %25/],
    ['DATABASE_URL', 'mysql://me@127.0.0.1/db', /DATABASE_URL: must begin with postgres:\/\/ or postgresql:\/\//],
    ['REDIS_URL', '127.0.0.1:6379', /REDIS_URL: must begin with redis:\/\//],
  ])('of %s that holds what must be escaped says so, and not the password', (variable, value, says) => {
    const load = () => loadConfig({ [variable]: value });

    expect(load).toThrow(says);
    expect(load).not.toThrow(/sure|50%@/);
  });

  it.each(['redis://:100%25sure@127.0.0.1:6390/2', 'rediss://me:a%23b@example.org', 'redis://[::1]:6379', 'redis+unix:///tmp/r.sock'])('of REDIS_URL may be %s', (url) => {
    expect(loadConfig({ REDIS_URL: url }).redisUrl).toBe(url);
  });

  it('of REDIS_URL is no address whose password was cut at a slash', () => {
    expect(() => loadConfig({ REDIS_URL: 'redis://:12/secret@127.0.0.1:6390' })).toThrow(/^ {2}REDIS_URL: .*a % must be written %25(?!.*secret)/m);
    expect(() => loadConfig({ REDIS_URL: 'redis://user:12/secret@127.0.0.1:6390' })).toThrow(/REDIS_URL: has an @ behind its host(?!.*secret)/);
  });
});
