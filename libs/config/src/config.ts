import { resolve } from 'node:path';
import type { z } from 'zod';
import { Environment } from './environment';

export type AppName = 'conductor' | 'router' | 'health-monitor' | 'android' | 'brain' | 'stubs' | 'scaler' | 'plugin-host';

/** The whole configuration, read once and checked. */
export interface Config {
  readonly home: string;
  readonly host: string;
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
  readonly messages: { retentionMs: number; keyedRetentionMs: number; ttlMs: number; deadLetterRetentionMs: number; jobLockMs: number };
  readonly breaker: { volume: number; errorPercent: number; openMs: number; maxOpenMs: number };
  readonly launcherSilenceMs: number;
  readonly startup: { platforms: string[]; warnMs: number; giveUpMs: number; retryBaseMs: number };
  readonly scaler: { intervalMs: number; memoryWall: Environment['SCALER_MEMORY_WALL']; memoryBudgetMb?: number | undefined; training: boolean };
  readonly plugins: {
    folders: string[];
    nodeModules: string[];
    keysFile: string;
    strict: boolean;
    idleUnloadMs: number;
    drainMs: number;
    watch: { ms: number; errors: number; marginPercent: number };
  };
  readonly brain: { url?: string | undefined; model: string; apiKey?: string | undefined; timeoutMs: number; concurrency: number; systemPrompt?: string | undefined };
}

/** A wrong or unknown setting stops the process before it does anything; the message names every offender. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const OUR_PREFIXES = /^(CONDUCTOR|ROUTER|ROUTES|DEAD_LETTER|ANDROID|HEALTH|STUBS|BRAIN|PRESENCE|METRICS|REQUEST|BREAKER|STARTUP|SCALER|PLUGIN|LAUNCHER)_/;

/**
 * Reads the configuration from environment variables.
 * @throws ConfigurationError naming each variable that is wrong, or that looks like ours and is not known.
 */
export const loadConfig = (env: NodeJS.ProcessEnv = process.env): Config => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const unknown = Object.keys(given).filter((key) => OUR_PREFIXES.test(key) && !(key in Environment.shape));
  const parsed = Environment.safeParse(given);
  const wrong = parsed.success ? [] : parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  if (unknown.length > 0 || !parsed.success) {
    throw new ConfigurationError(
      ['The configuration cannot be used:', ...wrong, ...unknown.map((key) => `  ${key}: not a setting of the Conductor${suggestion(key)}`), 'All settings are listed in README.md, "Configuration".'].join('\n'),
    );
  }
  return shape(parsed.data);
};

/** The configuration a test wants: defaults, then `env`. */
export const configFrom = (env: Partial<Record<keyof Environment, string>>): Config => shape(Environment.parse(env));

const shape = (e: z.output<typeof Environment>): Config => {
  const home = resolve(e.CONDUCTOR_HOME);
  return {
    home,
    host: e.CONDUCTOR_HOST,
    ports: {
      conductor: e.CONDUCTOR_PORT,
      router: e.ROUTER_PORT,
      android: e.ANDROID_PORT,
      'health-monitor': e.HEALTH_MONITOR_PORT,
      stubs: e.STUBS_PORT,
      brain: e.BRAIN_PORT,
      scaler: e.SCALER_PORT,
      'plugin-host': e.PLUGIN_HOST_PORT,
    },
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
    scaler: { intervalMs: e.SCALER_INTERVAL_MS, memoryWall: e.SCALER_MEMORY_WALL, memoryBudgetMb: e.SCALER_MEMORY_BUDGET_MB, training: e.SCALER_TRAINING },
    plugins: {
      folders: e.PLUGIN_FOLDERS.map((folder) => resolve(folder)),
      nodeModules: e.PLUGIN_NODE_MODULES.map((folder) => resolve(folder)),
      keysFile: resolve(e.PLUGIN_KEYS_FILE ?? `${home}/plugins/keys.json`),
      strict: e.PLUGIN_STRICT,
      idleUnloadMs: e.PLUGIN_IDLE_UNLOAD_MS,
      drainMs: e.PLUGIN_DRAIN_MS,
      watch: { ms: e.PLUGIN_WATCH_MS, errors: e.PLUGIN_WATCH_ERRORS, marginPercent: e.PLUGIN_WATCH_MARGIN_PERCENT },
    },
    brain: {
      url: e.BRAIN_URL,
      model: e.BRAIN_MODEL,
      apiKey: e.BRAIN_API_KEY,
      timeoutMs: e.BRAIN_TIMEOUT_MS,
      concurrency: e.BRAIN_CONCURRENCY,
      systemPrompt: e.BRAIN_SYSTEM_PROMPT,
    },
  };
};

/** The known variable that a mistyped one most resembles. */
const suggestion = (key: string): string => {
  const parts = new Set(key.split('_'));
  const near = Object.keys(Environment.shape)
    .map((known) => ({ known, shared: known.split('_').filter((part) => parts.has(part)).length / Math.max(parts.size, known.split('_').length) }))
    .sort((a, b) => b.shared - a.shared)[0];
  return near && near.shared >= 0.5 ? `; did you mean ${near.known}?` : '';
};
