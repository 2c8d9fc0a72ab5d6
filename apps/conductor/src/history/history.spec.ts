import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { MetricRow } from '@conductor/contracts';
import { HistoryFeed } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import { openTestContext, TypeScriptChild, until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

const PATIENCE_MS = 40_000;
jest.setTimeout(120_000);

describe('a conductor whose database is away from the start', () => {
  let system: ConductorHarness;
  beforeAll(async () => {
    system = ConductorHarness.prepare({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing', STARTUP_GIVE_UP_MS: '500' });
    await system.start();
    await system.open();
  });
  afterAll(() => system.stop());

  it.each(['/v1/audit', '/v1/audit/verify', '/v1/metrics', '/v1/metrics/stubs', '/v1/metrics/startup', '/v1/scaling/decisions', '/v1/plugins/echo/history'])('says at %s that it is the database, and when to come again', async (path) => {
    const { status, headers, body } = await system.call('GET', path);

    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'not-ready', '5']);
    expect(body.detail).toMatch(/database/);
  });

  it('can be steered all the same', async () => {
    expect((await system.call('PUT', '/v1/routes/chat', { match: { kind: ['chat'] }, target: 'discord' })).status).toBe(200);
  });
});

describe('history that other apps hand in', () => {
  let system: ConductorHarness;
  let monitor: AppContext;
  let feed: HistoryFeed;
  let handedIn = 0;
  const begin = Date.now() - 60_000;

  beforeEach(async () => {
    system = ConductorHarness.prepare();
    monitor = await openTestContext('health-monitor', system.config);
    await system.pretendHealthMonitor(monitor);
    feed = new HistoryFeed(monitor.connections, monitor.logger);
    handedIn = 0;
  });
  afterEach(async () => {
    await monitor.resources.drain();
    await system.stop();
  });

  /** One check a millisecond, so that each can be told from the others. */
  const handIn = async (rows: number) => {
    for (let n = 0; n < rows; n++) feed.add('metric', { timestamp: begin + handedIn++, platformName: 'stubs', instanceId: 'stubs-1', state: 'healthy', responseTimeMs: 1, errorCount: 0, requestCount: 0, resourceUsageMb: 80 });
    await feed.close();
  };
  const stored = async (conductor = 0): Promise<number[]> => {
    const { status, body } = await system.call<{ points: MetricRow[] }>('GET', `/v1/metrics/stubs?from=${begin}&resolution=raw&limit=10000`, undefined, { conductor });
    expect(status).toBe(200);
    return body.points.map(({ timestamp }) => timestamp - begin);
  };
  const eachOnce = () => Array.from({ length: handedIn }, (_, n) => n);
  const flow = async () => {
    const response = await fetch(`${system.conductors[0]!.url}/health/flow`);
    const { details } = (await response.json()) as { details: { history: { reason?: string; message?: string } } };
    return { code: response.status, ...details.history };
  };

  it('waits in Redis for a conductor, and is there to be read soon after one came', async () => {
    await handIn(250);
    await system.start();
    await system.open();

    await until(async () => expect(await stored()).toEqual(eachOnce()), PATIENCE_MS);
    await until(async () => expect(await monitor.connections.commands.xlen(`${system.config.namespace}:history`)).toBe(0));
  });

  it('waits in Redis while the database is away, which the conductor says, and is written when it is back', async () => {
    await system.start();
    await system.open();
    await handIn(1);
    await until(async () => expect(await stored()).toEqual(eachOnce()), PATIENCE_MS);

    const other = new DatabaseSync(join(system.config.home, 'conductor.sqlite'), { timeout: 5_000 });
    other.exec('begin immediate');
    await handIn(250);
    await until(async () => expect(await flow()).toMatchObject({ code: 503, message: expect.stringMatching(/^the database takes no history \(.+\); [1-9]\d* entries wait in Redis$/) as unknown }), PATIENCE_MS);
    expect(await stored()).toEqual([0]);
    other.close();

    await until(async () => expect(await stored()).toEqual(eachOnce()), PATIENCE_MS);
    await until(async () => expect(await flow()).toMatchObject({ code: 200, reason: '0 entries wait in Redis' }), PATIENCE_MS);
  });

  it('is stored once when the conductor is killed in the middle and another takes over', async () => {
    const { namespace, home, redisUrl = '' } = system.config;
    await handIn(4_500);
    const first = TypeScriptChild.start(join(__dirname, '..', 'testing', 'conductor.main.ts'), { CONDUCTOR_NAMESPACE: namespace, CONDUCTOR_HOME: home, REDIS_URL: redisUrl, CONDUCTOR_PORT: '0', STARTUP_PLATFORMS: '', LOG_LEVEL: 'warn' });
    await until(() => expect(rowsIn(join(home, 'conductor.sqlite'))).toBeGreaterThan(0), PATIENCE_MS).finally(() => first.kill());
    await handIn(250);

    await system.start();
    await system.open();
    await until(async () => expect(await stored()).toEqual(eachOnce()), PATIENCE_MS);
  });

  it('is stored once with two conductors, also when the active one leaves', async () => {
    await system.start();
    await system.open();
    await system.start();
    await handIn(500);
    await until(async () => expect(await stored()).toEqual(eachOnce()), PATIENCE_MS);

    await handIn(500);
    await system.conductors[0]!.stop();
    await handIn(500);
    await until(async () => expect(await stored(1)).toEqual(eachOnce()), PATIENCE_MS);
  });
});

const rowsIn = (file: string): number => {
  if (!existsSync(file)) return 0;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(database.prepare('select count(*) as rows from integration_metrics').get()?.['rows']);
  } finally {
    database.close();
  }
};
