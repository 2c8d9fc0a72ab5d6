import { HistoryReceiver } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import { type Database, HistoryWriter } from '@conductor/persistence';

/** Writes what every app hands in, while this conductor is the active one. What it holds is let go through `context.resources`. */
export const receiveHistory = ({ connections, flow, logger, resources }: AppContext, database: Database, isActive: () => boolean): void => {
  const writer = new HistoryWriter(database, ({ kind, row }, reason) => logger.warn({ kind, row, reason }, 'history: the database refuses a row; it is left out'));
  const receiver = resources.hold('history', new HistoryReceiver(connections, writer, isActive, logger), (open) => open.close());
  receiver.open();
  flow.push({ name: 'history', check: () => receiver.health() });
};
