import type { AppName } from '@conductor/config';

const VARIABLE_OF: Record<AppName, string> = {
  conductor: 'CONDUCTOR_PORT',
  router: 'ROUTER_PORT',
  android: 'ANDROID_PORT',
  'health-monitor': 'HEALTH_MONITOR_PORT',
  stubs: 'STUBS_PORT',
  brain: 'BRAIN_PORT',
  scaler: 'SCALER_PORT',
  'plugin-host': 'PLUGIN_HOST_PORT',
};

/** A start that failed for a reason which the message tells in full; no stack is needed. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export const portTaken = (app: AppName, host: string, port: number, cause: unknown): StartError =>
  new StartError(`The app "${app}" cannot listen on ${host}:${port}: the port is taken. Stop what uses it, or set ${VARIABLE_OF[app]} to another port (0 takes a free one).`, { cause });
