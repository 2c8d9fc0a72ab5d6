import { type AppName, portVariableOf } from '@conductor/config';

/** A start that failed for a reason which the message tells in full; no stack is needed. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export const portTaken = (app: AppName, host: string, port: number, cause: unknown): StartError =>
  new StartError(`The app "${app}" cannot listen on ${host}:${port}: the port is taken. Stop what uses it, or set ${portVariableOf(app)} to another port (0 takes a free one).`, { cause });
