import type { RedisConnections, Resources } from '@conductor/connections';
import type { AppName, Config } from '@conductor/config';
import type { Notices } from '@conductor/control';
import type { Logger, Metrics } from '@conductor/observability';
import type { HttpEntry } from './http-entry';
import type { Leaving } from './leaving';
import type { SecurityEvents } from './security-events';

/** Injects the AppContext: `@Inject(APP_CONTEXT) context: AppContext`. Every module may, without importing anything. */
export const APP_CONTEXT = Symbol('APP_CONTEXT');

/** One thing that must hold for an app to do its work, or for its work to be flowing. */
export interface HealthProbe {
  name: string;
  /** Quick (the door gives it 1 s). */
  check(): Promise<Finding> | Finding;
}

export interface Finding {
  up: boolean;
  /** For a person. */
  reason?: string;
  /** Waiting will not help: its start is over, and failed. */
  isOver?: boolean;
}

/** What every app is made from: one process's configuration, log, metrics and connections. */
export interface AppContext {
  readonly app: AppName;
  /** Tells this process from others of the same app, e.g. `router-1f3a`. */
  readonly instance: string;
  readonly config: Config;
  readonly logger: Logger;
  /** By which host, from which origin and under which path a request came. */
  readonly entry: HttpEntry;
  readonly metrics: Metrics;
  /** Log-ins, devices, refusals: a class of their own. */
  readonly security: SecurityEvents;
  readonly connections: RedisConnections;
  readonly notices: Notices;
  /** What is held here is let go in reverse order when the process drains. */
  readonly resources: Resources;
  /** Asked by `/health/ready`: may work be sent here? Apps add theirs while they are being built. */
  readonly readiness: HealthProbe[];
  /** Asked by `/health/flow`: does work that waits get done? */
  readonly flow: HealthProbe[];
  /** Absent where nobody would start this process again. */
  readonly leaving?: Leaving;
}
