import { join } from 'node:path';

export interface App {
  readonly name: string;
  /** What a person gets from it, in the table at start. */
  readonly what: string;
  /** The port it is configured to listen on; 0 takes a free one. */
  readonly port: number;
  /** The variable that sets this port. */
  readonly portVariable: string;
  /** The script that Node runs. */
  readonly entry: string;
  /**
   * Apps of the same number stop side by side, lower numbers first: the health monitor, so that it takes a wanted stop for no
   * outage; then who takes work in; then who carries it.
   */
  readonly stopOrder: number;
  /** May spend memory on speed while messages come. */
  readonly carriesMessages?: boolean;
}

type Description = Omit<App, 'port' | 'entry'>;

/** Every app of the Conductor. A new one is one line here. */
const APPS = [
  { name: 'conductor', what: 'admin REST, API docs at /docs, queues at /queues', portVariable: 'CONDUCTOR_PORT', stopOrder: 3 },
  { name: 'router', what: 'messages in', portVariable: 'ROUTER_PORT', stopOrder: 2, carriesMessages: true },
  { name: 'health-monitor', what: 'checks every platform', portVariable: 'HEALTH_MONITOR_PORT', stopOrder: 0 },
  { name: 'android', what: 'phones', portVariable: 'ANDROID_PORT', stopOrder: 1, carriesMessages: true },
  { name: 'brain', what: 'answers messages', portVariable: 'BRAIN_PORT', stopOrder: 1, carriesMessages: true },
  { name: 'scaler', what: 'keeps memory and load within bounds', portVariable: 'SCALER_PORT', stopOrder: 0 },
  { name: 'stubs', what: 'platforms that are not hooked up yet', portVariable: 'STUBS_PORT', stopOrder: 1, carriesMessages: true },
  { name: 'plugin-host', what: 'plugins, and webhooks for them', portVariable: 'PLUGIN_HOST_PORT', stopOrder: 1, carriesMessages: true },
] as const satisfies readonly Description[];

type Ports = Readonly<Record<(typeof APPS)[number]['name'], number>>;

/** The apps with their configured ports. They lie beside the launcher, built or not. */
export const appsWith = (ports: Ports): App[] =>
  APPS.map((app) => ({ ...app, port: ports[app.name], entry: join(__dirname, '..', '..', app.name, 'src', 'main.js') }));
