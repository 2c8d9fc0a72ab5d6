import { createServer, type Server } from 'node:net';
import { fixtureApp } from './fixtures/fixture-apps';
import { checkPorts, freePort } from './ports';

const HOST = '127.0.0.1';

describe('the ports', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());
  const taken = async () => {
    const port = await freePort(HOST);
    server = createServer();
    await new Promise<void>((resolve) => server!.listen(port, HOST, resolve));
    return port;
  };

  it('are fine when nobody listens there, or any will do', async () => {
    await expect(checkPorts(HOST, [fixtureApp('good-app', await freePort(HOST)), fixtureApp('other-app', 0)])).resolves.toBeUndefined();
  });

  it('are refused when taken, with the port, the app and the variable to set', async () => {
    const port = await taken();

    await expect(checkPorts(HOST, [fixtureApp('good-app', port)])).rejects.toThrow(`port ${port} for good-app: taken by another program. Set GOOD_APP_PORT`);
  });

  it('are refused when two apps want the same', async () => {
    const port = await freePort(HOST);

    await expect(checkPorts(HOST, [fixtureApp('good-app', port), fixtureApp('other-app', port)])).rejects.toThrow('other-app is to listen there too');
  });

  it('are refused on an address that this machine does not have', async () => {
    await expect(checkPorts('192.0.2.1', [fixtureApp('good-app', 4000)])).rejects.toThrow('192.0.2.1 (CONDUCTOR_HOST) is no address of this machine');
  });
});
