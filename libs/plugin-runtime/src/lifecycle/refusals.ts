import { CommandRefused } from '@conductor/control';
import { PluginRefused } from '../approval/plugin-refused';

/** Path of a plugin's doors, for what a person is told to do. */
export const at = (name: string) => `/v1/plugins/${encodeURIComponent(name)}`;

export const notThere = (name: string) => new CommandRefused('not-found', `There is no plugin ${name} in any plugin folder. POST /v1/plugins/discover looks again.`);

/** @throws CommandRefused with the code that fits */
export const refuse = (error: unknown): never => {
  if (!(error instanceof PluginRefused)) throw error;
  throw new CommandRefused(error.code === 'changed' || error.code === 'changed-meanwhile' ? 'plugin-changed' : 'plugin-refused', error.message, [{ field: error.code, message: error.message }], error);
};
