import { createServer } from 'node:net';
import type { App } from './apps';
import { CannotStart } from './cannot-start';

/** Why a port cannot be listened on, undefined if it can. */
const obstacle = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

export const isFree = async (host: string, port: number): Promise<boolean> => (await obstacle(host, port)) === undefined;

export const freePort = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });

/**
 * Looks before anything is started: an app that cannot listen would only die again and again.
 * @throws CannotStart naming every port that cannot be had, the app that wants it, and the variable to set.
 */
export const checkPorts = async (host: string, apps: readonly App[]): Promise<void> => {
  const wanted = apps.filter((app) => app.port !== 0);
  const found = await Promise.all(wanted.map(async (app) => ({ app, why: doubled(app, wanted) ?? explain(await obstacle(host, app.port), host) })));
  const bad = found.filter(({ why }) => why !== undefined);
  if (bad.length === 0) return;
  throw new CannotStart(
    [
      'Not every door can be opened:',
      ...bad.map(({ app, why }) => `  port ${app.port} for ${app.name}: ${why}. Set ${app.portVariable} to another port (0 takes any free one).`),
      'To find out who listens on a port: `lsof -i :<port>` or `ss -ltnp`.',
    ].join('\n'),
  );
};

const doubled = (app: App, all: readonly App[]): string | undefined => {
  const other = all.find((one) => one !== app && one.port === app.port);
  return other && `${other.name} is to listen there too`;
};

const explain = (code: string | undefined, host: string): string | undefined => {
  switch (code) {
    case undefined:
      return undefined;
    case 'EADDRINUSE':
      return 'taken by another program';
    case 'EACCES':
      return 'this user may not listen there';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} (CONDUCTOR_HOST) is no address of this machine`;
    default:
      return code;
  }
};
