import { resolve } from 'node:path';
import type { z } from 'zod';
import { type AppName, COMMON_SECRETS, portVariableOf, prefixOf } from './app-description';
import { appNamed, type DescribedApp, findApps } from './apps';
import { ConfigurationError } from './configuration-error';
import { type Environment, environmentOf, type IsolationLayer } from './environment';
import { cleaned, isForeign } from './foreign-variables';
import { isMistyped, nearest } from './suggestion';

/** Zod would compile a parser, which takes longer than the one use of it, and memory. */
const ONCE = { jitless: true };

/** What is common of the configuration, read once and checked; an app takes its own settings out of it with `settingsOf`. */
export interface Config {
  readonly home: string;
  readonly host: string;
  /** Who may call by HTTP, under which names, and by way of which proxies. */
  readonly http: { allowedHosts: string[]; allowedOrigins: string[]; connectionsPerAddress: number; trustedProxies: string[] };
  /** By app; `portOf` reads one of them. */
  readonly ports: Readonly<Record<AppName, number>>;
  readonly adminKey?: string | undefined;
  readonly namespace: string;
  readonly redisUrl?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly logLevel: Environment['LOG_LEVEL'];
  readonly logFormat: Environment['LOG_FORMAT'];
  readonly health: { intervalMs: number; timeoutMs: number; degradedAboveMs: number; failuresToFail: number; presenceTtlMs: number };
  readonly metrics: { rawRetentionMs: number; hourlyRetentionMs: number };
  readonly router: { maxInFlight: number; defaultTarget: string; routesFile: string };
  readonly rateLimitPerMinute: number;
  readonly rateLimitBodyMbPerSecond: number;
  /** What may wait at once of one key or plugin, of one user of a platform, and for one platform. */
  readonly quota: Readonly<Record<'sender' | 'user' | 'platform', { items: number; bytes: number }>>;
  readonly messages: { retentionMs: number; keyedRetentionMs: number; ttlMs: number; deadLetterRetentionMs: number; jobLockMs: number };
  readonly breaker: { volume: number; errorPercent: number; openMs: number; maxOpenMs: number };
  readonly launcherSilenceMs: number;
  readonly startup: { platforms: string[]; warnMs: number; giveUpMs: number; retryBaseMs: number };
  readonly plugins: {
    folders: string[];
    nodeModules: string[];
    keysFile: string;
    strict: boolean;
    /** Layers of isolation that may be missing where plugins run. */
    allowMissingIsolation: readonly IsolationLayer[];
    /** Special ranges that names granted to plugins may lead to. */
    egressAllowed: readonly string[];
    idleUnloadMs: number;
    drainMs: number;
    watch: { ms: number; errors: number; marginPercent: number };
  };
  /** What was given of the settings that one app alone has, as it was given. */
  readonly ofApps: Readonly<Record<string, string>>;
}

/** A variable that begins like this is meant for us, whatever follows. */
const OURS_ALONE = 'CONDUCTOR_';
/** One that begins like this, or with the name of an app, may be meant for us: it is, where it resembles a setting. */
const OUR_PREFIXES = /^(CONDUCTOR|ROUTES|DEAD_LETTER|HEALTH|PRESENCE|METRICS|REQUEST|QUOTA|BREAKER|STARTUP|PLUGIN|LAUNCHER)_/;

/**
 * Reads the configuration from environment variables.
 * @param apps other apps than those that lie beside this library, for tests
 * @throws ConfigurationError naming each variable that is wrong, or that looks like ours and is not known.
 */
export const loadConfig = (env: NodeJS.ProcessEnv = process.env, apps = findApps()): Config => {
  const ours = apps.map(({ name }) => prefixOf(name));
  const isMeant = (variable: string) => OUR_PREFIXES.test(variable) || ours.some((prefix) => variable.startsWith(prefix));
  const settings = Object.keys(environmentOf(apps).shape);
  const given = Object.entries(givenIn(env, '')).filter(([variable, value]) => !isForeign(variable, value)).map(([variable, value]) => [variable, settings.includes(variable) ? cleaned(value) : value]);
  return read(givenIn(Object.fromEntries(given), ''), apps, (variable) => variable.startsWith(OURS_ALONE) || (isMeant(variable) && settings.some((setting) => isMistyped(variable, setting))));
};

/** The configuration a test wants: defaults, then `env`, in which everything has to be a setting, and an empty text is one. */
export const configFrom = (env: Readonly<Record<string, string | undefined>>): Config => read(givenIn(env), findApps(), () => true);

/** Every variable that the apps here read. */
export const settingNames = (): ReadonlySet<string> => new Set(Object.keys(environmentOf(findApps()).shape));

/** The variables that an app reads: what is common without the secrets it has no use for, and its own. One that is not described has none of its own. */
export const settingNamesOf = (app: AppName): ReadonlySet<string> => {
  const { settings = {}, secrets = [] } = findApps().find(({ name }) => name === app) ?? {};
  const ofOthers = findApps().filter(({ name }) => name !== app).flatMap((other) => Object.keys(other.settings));
  const hidden = new Set<string>([...ofOthers, ...COMMON_SECRETS.filter((secret) => !secrets.includes(secret))]);
  return new Set([...[...settingNames()].filter((name) => !hidden.has(name)), ...Object.keys(settings)]);
};

/** @throws ConfigurationError when there is no such app */
export const portOf = (config: Config, app: AppName): number => config.ports[app] ?? config.ports[appNamed(app).name]!;

/** What an app was told of its own: `settingsOf(context.config, settings)`, with the schema in its `settings.ts`. */
export const settingsOf = <Shape extends z.ZodRawShape>(config: Config, settings: z.ZodObject<Shape>): z.output<z.ZodObject<Shape>> => settings.parse(config.ofApps);

/** @param asNothing counts as not given: a variable of the environment that is set to nothing */
const givenIn = (env: Readonly<Record<string, string | undefined>>, asNothing?: string): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== asNothing));

const read = (given: Record<string, string>, apps: readonly DescribedApp[], isOurs: (variable: string) => boolean): Config => {
  const schema = environmentOf(apps);
  const unknown = Object.keys(given).filter((key) => !(key in schema.shape) && isOurs(key));
  const parsed = schema.safeParse(given, ONCE);
  const wrong = parsed.success ? contradictionsIn(parsed.data) : parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  if (unknown.length > 0 || wrong.length > 0 || !parsed.success) {
    throw new ConfigurationError(
      ['The configuration cannot be used:', ...wrong, ...unknown.map((key) => `  ${key}: not a setting of the Conductor${suggested(key, Object.keys(schema.shape))}`), 'All settings are listed in README.md, "Configuration".'].join('\n'),
    );
  }
  const values: Record<string, unknown> = parsed.data;
  const ports = Object.fromEntries(apps.map(({ name }) => [name, values[portVariableOf(name)] as number]));
  const own = new Set(apps.flatMap(({ settings }) => Object.keys(settings)));
  return shape(parsed.data, ports, Object.fromEntries(Object.entries(given).filter(([key]) => own.has(key))));
};

const contradictionsIn = (e: Environment): string[] =>
  e.PLUGIN_STRICT && e.PLUGIN_ALLOW_MISSING_ISOLATION.length > 0 ? ['  PLUGIN_ALLOW_MISSING_ISOLATION: contradicts PLUGIN_STRICT, which runs plugins only where every wall stands; leave one of them out'] : [];

const suggested = (key: string, settings: readonly string[]): string => {
  const near = nearest(key, settings);
  return near === undefined ? '' : `; did you mean ${near}?`;
};

const shape = (e: Environment, ports: Config['ports'], ofApps: Config['ofApps']): Config => {
  const home = resolve(e.CONDUCTOR_HOME);
  return {
    home,
    host: e.CONDUCTOR_HOST,
    http: { allowedHosts: e.CONDUCTOR_ALLOWED_HOSTS, allowedOrigins: e.CONDUCTOR_ALLOWED_ORIGINS, connectionsPerAddress: e.CONDUCTOR_CONNECTIONS_PER_ADDRESS, trustedProxies: e.TRUSTED_PROXIES },
    ports,
    adminKey: e.CONDUCTOR_ADMIN_KEY,
    namespace: e.CONDUCTOR_NAMESPACE,
    redisUrl: e.REDIS_URL,
    databaseUrl: e.DATABASE_URL,
    logLevel: e.LOG_LEVEL,
    logFormat: e.LOG_FORMAT,
    health: {
      intervalMs: e.HEALTH_INTERVAL_MS,
      timeoutMs: e.HEALTH_TIMEOUT_MS,
      degradedAboveMs: e.HEALTH_DEGRADED_ABOVE_MS,
      failuresToFail: e.HEALTH_FAILURES_TO_FAIL,
      presenceTtlMs: e.PRESENCE_TTL_MS,
    },
    metrics: { rawRetentionMs: e.METRICS_RAW_RETENTION_MS, hourlyRetentionMs: e.METRICS_HOURLY_RETENTION_MS },
    router: { maxInFlight: e.ROUTER_MAX_IN_FLIGHT, defaultTarget: e.ROUTER_DEFAULT_TARGET, routesFile: resolve(e.ROUTES_FILE ?? `${home}/routes.json`) },
    rateLimitPerMinute: e.RATE_LIMIT_PER_MINUTE,
    rateLimitBodyMbPerSecond: e.RATE_LIMIT_BODY_MB_PER_SECOND,
    quota: {
      sender: { items: e.QUOTA_ITEMS, bytes: e.QUOTA_MB * 1_048_576 },
      user: { items: e.QUOTA_USER_ITEMS, bytes: e.QUOTA_USER_MB * 1_048_576 },
      platform: { items: e.QUOTA_PLATFORM_ITEMS, bytes: e.QUOTA_PLATFORM_MB * 1_048_576 },
    },
    messages: {
      retentionMs: e.REQUEST_RETENTION_MS,
      keyedRetentionMs: e.REQUEST_KEYED_RETENTION_MS,
      ttlMs: e.MESSAGE_TTL_MS,
      deadLetterRetentionMs: e.DEAD_LETTER_RETENTION_MS,
      jobLockMs: e.JOB_LOCK_MS,
    },
    breaker: { volume: e.BREAKER_VOLUME, errorPercent: e.BREAKER_ERROR_PERCENT, openMs: e.BREAKER_OPEN_MS, maxOpenMs: e.BREAKER_MAX_OPEN_MS },
    launcherSilenceMs: e.LAUNCHER_SILENCE_MS,
    startup: { platforms: e.STARTUP_PLATFORMS, warnMs: e.STARTUP_WARN_MS, giveUpMs: e.STARTUP_GIVE_UP_MS, retryBaseMs: e.STARTUP_RETRY_BASE_MS },
    plugins: {
      folders: e.PLUGIN_FOLDERS.map((folder) => resolve(folder)),
      nodeModules: e.PLUGIN_NODE_MODULES.map((folder) => resolve(folder)),
      keysFile: resolve(e.PLUGIN_KEYS_FILE ?? `${home}/plugins/keys.json`),
      strict: e.PLUGIN_STRICT,
      allowMissingIsolation: e.PLUGIN_ALLOW_MISSING_ISOLATION,
      egressAllowed: e.PLUGIN_EGRESS_ALLOW_RANGES,
      idleUnloadMs: e.PLUGIN_IDLE_UNLOAD_MS,
      drainMs: e.PLUGIN_DRAIN_MS,
      watch: { ms: e.PLUGIN_WATCH_MS, errors: e.PLUGIN_WATCH_ERRORS, marginPercent: e.PLUGIN_WATCH_MARGIN_PERCENT },
    },
    ofApps,
  };
};
