import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type AppName, type Config, portOf, urlOf } from '@conductor/config';
import { type Logger, NestLogger } from '@conductor/observability';
import { limitConnections } from '@conductor/platform-shell';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Admission } from './admission';
import type { AppContext } from './app-context';
import { BODY_LIMIT } from './body-limit';
import { BodyPacer } from './body-pacer';
import { openDoor } from './door';
import { DoorModule } from './door.module';
import { InFlight } from './in-flight';
import { ApiKeys } from './keys';
import type { Leaving } from './leaving';
import { openContext } from './open-context';
import { serveDocs } from './openapi';
import { portTaken } from './port-taken';
import { ProblemFilter } from './problem-filter';
import { RequestMetrics } from './request-metrics';
import { RouteMethods } from './route-methods';
import { Sessions } from './sessions';
import { ZodPipe } from './zod-body';

export type AppModule = Type | DynamicModule;
export type BuildApp = (context: AppContext) => AppModule | Promise<AppModule>;

export interface AppOptions {
  /** Serves API documents at `/docs`, `/docs-json` and `/docs-yaml`. */
  openapi?: { title: string; description: string };
  /** People may log in with a key at `/login` and get a session cookie. */
  sessions?: boolean;
  /** Aborted: it is not to start after all. Breaks off the wait for Redis; what comes after that is bounded and goes on. */
  signal?: AbortSignal;
  /** May end by itself, since its supervisor starts it again: see `Leaving`. */
  mayLeave?: boolean;
  /** Registers what is not a Nest module (a Fastify plugin, a WebSocket server), before the door opens. */
  configure?: (nest: NestFastifyApplication, context: AppContext) => Promise<void> | void;
}

/** An app whose door is open. */
export interface RunningApp {
  /** Where it listens, e.g. `http://127.0.0.1:3001`. */
  readonly url: string;
  readonly context: AppContext;
  readonly nest: NestFastifyApplication;
  /** Drains it: requests in flight are finished, then everything it holds is let go. A second call waits for the first. */
  stop(): Promise<void>;
}

/** A caller's answer may take as long as the deadline most of them use, 5 s; whoever chose a longer one is cut off. */
const FINISH_REQUESTS_MS = 5_500;
/** Upgraded connections (WebSockets) end only when their owner among the resources is closed, so the server is not waited for long. */
const CLOSE_SERVER_MS = 500;

/**
 * Starts an app and opens its door.
 * @throws ConfigurationError, RedisUnavailable (not within 15 s), an Error that names the port when it is taken, and whatever `build` throws.
 * What was opened until then is closed again.
 */
export const startApp = async (app: AppName, build: BuildApp, config: Config, options: AppOptions & { logger?: Logger; leaving?: Leaving } = {}): Promise<RunningApp> => {
  const context: AppContext = { ...(await openContext(app, config, options.logger, options.signal)), ...(options.leaving && { leaving: options.leaving }) };
  let nest: NestFastifyApplication | undefined;
  try {
    const inFlight = new InFlight();
    nest = await assemble(context, inFlight, build, options);
    const url = await listen(nest, context);
    let stopped: Promise<void> | undefined;
    const opened = nest;
    return { url, context, nest, stop: () => (stopped ??= stop(opened, context, inFlight)) };
  } catch (error) {
    await nest?.close().catch(() => undefined);
    await context.resources.drain();
    throw error;
  }
};

const assemble = async (context: AppContext, inFlight: InFlight, build: BuildApp, options: AppOptions): Promise<NestFastifyApplication> => {
  const { config, logger, connections, notices, resources, entry } = context;
  const keys = resources.hold('API keys', new ApiKeys(connections, notices, logger), (held) => held.close());
  await keys.reload();
  const sessions = options.sessions ? new Sessions(connections, keys) : undefined;
  const admission = new Admission(keys, sessions, entry, config.rateLimitPerMinute, new BodyPacer(config.rateLimitBodyMbPerSecond));
  const routes = new RouteMethods();
  const filter = new ProblemFilter(logger, BODY_LIMIT, routes, entry, context.security);
  const door = await openDoor({ admission, entry, inFlight, filter, routes, logger, metrics: new RequestMetrics(context.metrics), login: options.sessions ?? false });
  const module = DoorModule.around(await build(context), { context, keys, admission, inFlight, sessions });
  const nest = await NestFactory.create<NestFastifyApplication>(module, door, { logger: new NestLogger(logger), bodyParser: false, abortOnError: false });
  nest.useGlobalFilters(filter);
  nest.useGlobalPipes(new ZodPipe());
  limitConnections(nest.getHttpServer(), { perAddress: config.http.connectionsPerAddress, isTrusted: (address) => entry.trusts(address) });
  if (options.openapi) serveDocs(nest, options.openapi, entry);
  await options.configure?.(nest, context);
  return nest;
};

const listen = async (nest: NestFastifyApplication, { app, config }: AppContext): Promise<string> => {
  const port = portOf(config, app);
  try {
    await nest.listen(port, config.host);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? portTaken(app, config.host, port, error) : error;
  }
  const address = nest.getHttpServer().address() as AddressInfo;
  return urlOf(config.host, address.port);
};

/** Requests in flight need what the resources hold, so they are finished first. */
const stop = async (nest: NestFastifyApplication, { logger, resources }: AppContext, inFlight: InFlight): Promise<void> => {
  const unfinished = await inFlight.drain(FINISH_REQUESTS_MS);
  if (unfinished > 0) logger.warn({ unfinished }, 'requests were not answered in time and are cut off');
  const closed = nest.close().catch((error: unknown) => logger.warn({ err: error }, 'the door did not close properly'));
  await Promise.race([closed, pause(CLOSE_SERVER_MS, undefined, { ref: false })]);
  await resources.drain();
  await Promise.race([closed, pause(CLOSE_SERVER_MS, undefined, { ref: false })]);
};
