import { z } from 'zod';
import { portVariableOf } from './app-description';
import type { DescribedApp } from './apps';
import { ConfigurationError } from './configuration-error';
import { addressRanges, choice, hostNames, list, ms, number, origins, port, serverUrl } from './setting-kinds';

/** What keeps a plugin from the rest of the machine. Where one is missing, an admin must say that plugins run all the same. */
export const ISOLATION_LAYERS = ['files', 'network', 'processes', 'user'] as const;
export type IsolationLayer = (typeof ISOLATION_LAYERS)[number];

const WAITED_FOR = 'platforms that start-up waits for, in this order';

/** What is common to all apps. What one app alone can be told stands in `apps/<app>/src/settings.ts`. */
const COMMON = {
  CONDUCTOR_HOME: z.string().min(1).default('.conductor').describe('folder for data, keys and logs'),
  CONDUCTOR_HOST: z.string().min(1).default('127.0.0.1').describe('address the doors listen on'),
  CONDUCTOR_ALLOWED_HOSTS: hostNames().describe('further names in the header `Host`, comma-separated: `home.example.org`, `*.example.org`, `*` for any; loopback and this machine are let in anyway'),
  CONDUCTOR_ALLOWED_ORIGINS: origins().describe('origins of apps and pages elsewhere that may call, comma-separated: `https://localhost`, `capacitor://localhost`'),
  CONDUCTOR_CONNECTIONS_PER_ADDRESS: number().int().min(8).default(10_000).describe('connections that one address may hold at each app; trusted proxies are not counted'),
  TRUSTED_PROXIES: addressRanges().describe('addresses and ranges of proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Prefix` and `Forwarded` are believed, comma-separated'),
  CONDUCTOR_ADMIN_KEY: z.string().min(16).max(256).optional().describe('presets the first admin key (16 characters or more)'),
  CONDUCTOR_NAMESPACE: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/).default('conductor').describe('prefix of everything in Redis'),
  REDIS_URL: serverUrl(['redis', 'rediss', 'redis+unix']).optional().describe('a Redis of your own; without it one is started'),
  DATABASE_URL: serverUrl(['postgres', 'postgresql']).optional().describe('PostgreSQL; without it a SQLite file in the home'),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').describe('least level that is logged'),
  LOG_FORMAT: choice(['json', 'pretty']).default('json').describe('form of log lines of a single app; the launcher prints readable ones on a terminal'),
  HEALTH_INTERVAL_MS: ms(5_000).describe('period of the health checks'),
  HEALTH_TIMEOUT_MS: ms(1_000).describe('time an instance has to answer a check'),
  HEALTH_DEGRADED_ABOVE_MS: ms(200).describe('slower answers mark a platform degraded'),
  HEALTH_FAILURES_TO_FAIL: number().int().min(1).default(3).describe('failed checks in a row that mark an instance failed'),
  PRESENCE_TTL_MS: ms(4_000).describe('silence after which an instance counts as gone; it reports four times in that span'),
  METRICS_RAW_RETENTION_MS: ms(7 * 86_400_000).describe('how long each health check is kept'),
  METRICS_HOURLY_RETENTION_MS: ms(90 * 86_400_000).describe('how long hourly roll-ups are kept'),
  ROUTER_MAX_IN_FLIGHT: number().int().min(1).default(2_000).describe('requests a router holds at once; more get 503'),
  ROUTER_DEFAULT_TARGET: z.string().default('brain').describe('platform for messages that no rule takes'),
  ROUTES_FILE: z.string().optional().describe('JSON file with route rules, read at start; default <home>/routes.json'),
  RATE_LIMIT_PER_MINUTE: number().int().min(1).default(600_000).describe('requests a minute and key, at each door'),
  QUOTA_ITEMS: number().int().min(1).default(10_000).describe('messages of one key, or of one plugin, that may wait at once; more get 429'),
  QUOTA_MB: number().min(1).default(128).describe('the same, in MB'),
  QUOTA_USER_ITEMS: number().int().min(1).default(1_000).describe('messages of one user of a platform (one person’s phones, one chat) that may wait at once'),
  QUOTA_USER_MB: number().min(1).default(32).describe('the same, in MB'),
  QUOTA_PLATFORM_ITEMS: number().int().min(1).default(100_000).describe('messages that may wait for one platform at once; more get 503'),
  QUOTA_PLATFORM_MB: number().min(1).default(512).describe('the same, in MB'),
  RATE_LIMIT_BODY_MB_PER_SECOND: number().min(0.1).max(1_000).default(4).describe('megabytes a second of bodies above 64 KiB that a key may send to each app; what comes sooner waits in its sender, up to 10 s'),
  REQUEST_RETENTION_MS: ms(600_000).describe('how long an answered request can be asked for'),
  REQUEST_KEYED_RETENTION_MS: ms(86_400_000).describe('the same, where the caller gave an id or an idempotency key'),
  MESSAGE_TTL_MS: ms(7 * 86_400_000).describe('how long the record of a message that is not settled is kept'),
  DEAD_LETTER_RETENTION_MS: ms(180 * 86_400_000).describe('how long dead letters are kept'),
  JOB_LOCK_MS: ms(15_000).describe('a job whose worker died is taken over after this time'),
  BREAKER_VOLUME: number().int().min(1).default(5).describe('least number of outcomes in 10 s before a breaker may open'),
  BREAKER_ERROR_PERCENT: number().min(1).max(100).default(50).describe('share of failures that opens a breaker'),
  BREAKER_OPEN_MS: ms(5_000).describe('first opening; doubles with jitter on repeated opening'),
  BREAKER_MAX_OPEN_MS: ms(60_000).describe('longest opening'),
  LAUNCHER_SILENCE_MS: number().int().min(0).default(30_000).describe('a process that lives and answers nothing for so long is killed and started again; 0: never'),
  STARTUP_PLATFORMS: list('').describe(WAITED_FOR),
  STARTUP_WARN_MS: ms(10_000).describe('a platform that takes longer to start is warned about'),
  STARTUP_GIVE_UP_MS: ms(30_000).describe('start-up goes on without a platform after this time'),
  STARTUP_RETRY_BASE_MS: ms(5_000).describe('first retry of a platform that did not start; doubles four times'),
  PLUGIN_FOLDERS: list('plugins').describe('folders in which plugins are dropped, comma-separated'),
  PLUGIN_NODE_MODULES: list('node_modules').describe('`node_modules` folders whose packages may be plugins, comma-separated'),
  PLUGIN_KEYS_FILE: z.string().optional().describe('JSON file with the ed25519 public keys of plugin signers by name; default <home>/plugins/keys.json'),
  PLUGIN_DRAIN_MS: ms(10_000).describe('what an old version of a plugin has in hand is waited for so long'),
  PLUGIN_WATCH_MS: ms(60_000).describe('errors above the old rate within this time after a swap bring the old version back'),
  PLUGIN_WATCH_ERRORS: number().int().min(1).default(3).describe('fewer failed messages than this bring nothing back'),
  PLUGIN_WATCH_MARGIN_PERCENT: number().min(0).max(100).default(5).describe('so many percent points above the old rate are still no reason'),
  PLUGIN_STRICT: z.stringbool().default(false).describe('run plugins only where every wall around them stands, and only signed ones'),
  PLUGIN_ALLOW_MISSING_ISOLATION: list('')
    .pipe(z.array(z.enum(ISOLATION_LAYERS)))
    .describe('layers of isolation (`files`, `network`, `processes`, `user`; comma-separated) that may be missing on this machine while plugins run all the same; without it nothing of third parties runs there'),
  PLUGIN_EGRESS_ALLOW_RANGES: addressRanges().describe('special address ranges that names granted to plugins may lead to, comma-separated: `198.18.0.0/15` for fake-IP DNS, `64:ff9b::/96` for NAT64'),
  PLUGIN_IDLE_UNLOAD_MS: ms(300_000).describe('a plugin that is loaded when it is needed, and had nothing to do for this long, is unloaded'),
};

/** What is read from the environment, but for ports and what apps say of their own. */
export type Environment = z.output<z.ZodObject<typeof COMMON>>;

/**
 * Every environment variable that these apps read, with its default, in the order of the table in README.md (which a test holds against it):
 * what is common, `<APP>_PORT` of each, and the settings of each. Which platforms start-up waits for follows from the apps as well.
 * @throws ConfigurationError when an app takes a name that is common
 */
export const environmentOf = (apps: readonly DescribedApp[]): Schema => {
  const schema = known.get(apps) ?? schemaFor(apps);
  known.set(apps, schema);
  return schema;
};

type Schema = z.ZodObject<typeof COMMON>;

/** A process reads its configuration more than once, and a schema takes milliseconds before its first use. */
const known = new WeakMap<readonly DescribedApp[], Schema>();

const schemaFor = (apps: readonly DescribedApp[]): Schema => {
  const { CONDUCTOR_HOME, CONDUCTOR_HOST, ...more } = COMMON;
  const ports = Object.fromEntries(apps.map((app) => [portVariableOf(app.name), port(app.port).describe(app.door ?? `health of the ${app.name.replaceAll('-', ' ')}`)]));
  const own = Object.assign({}, ...apps.map(({ settings }) => settings)) as object;
  const doubled = Object.keys(own).filter((variable) => variable in COMMON);
  if (doubled.length > 0) throw new ConfigurationError(`An app has a setting of a name that is taken by what is common: ${doubled.join(', ')}. Give it another one in its settings.ts.`);
  return z.object({ CONDUCTOR_HOME, CONDUCTOR_HOST, ...ports, ...more, STARTUP_PLATFORMS: list(waitedFor(apps).join(',')).describe(WAITED_FOR), ...own });
};

const waitedFor = (apps: readonly DescribedApp[]): string[] =>
  apps
    .filter(({ startUpOrder }) => startUpOrder !== undefined)
    .sort((a, b) => a.startUpOrder! - b.startUpOrder!)
    .flatMap(({ platforms }) => platforms);
