import { join } from 'node:path';
import { type Config, findApps, portOf, portVariableOf } from '@conductor/config';

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

/** Every app whose folder lies beside the launcher's, built or not, with its configured port. A new one is a folder with an `app.json`. */
export const configuredApps = (config: Config): App[] =>
  findApps().map(({ name, what, stopOrder, carriesMessages, folder }) => ({
    name,
    what,
    stopOrder,
    carriesMessages: carriesMessages ?? false,
    port: portOf(config, name),
    portVariable: portVariableOf(name),
    entry: join(folder, 'src', 'main.js'),
  }));
