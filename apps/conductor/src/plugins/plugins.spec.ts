import { BoxKey, CommandListener, PluginEvents, PluginHosts, Lease } from '@conductor/control';
import { PluginCommand, type PluginEvent } from '@conductor/contracts';
import { createLogger } from '@conductor/observability';
import type { AuditLog, PluginLog } from '@conductor/persistence';
import { openTestContext, until } from '@conductor/testing';
import { Changes } from '../audit/changes';
import { ConductorHarness } from '../testing/harness';
import { PluginHistory } from './plugin-history';

describe('the doors of plugins', () => {
  let system: ConductorHarness;
  let context: Awaited<ReturnType<typeof openTestContext>>;
  beforeAll(async () => {
    system = ConductorHarness.prepare();
    context = await openTestContext('plugin-host', system.config);
    await system.pretendHealthMonitor(context);
    await system.start();
    await system.open();
  });
  afterAll(async () => {
    await context.resources.drain();
    await system.stop();
  });

  it.each([
    ['GET', '/v1/plugins'], ['GET', '/v1/plugins/x'], ['GET', '/v1/plugins/sandbox'], ['POST', '/v1/plugins/discover'], ['POST', '/v1/plugins/x/load'], ['POST', '/v1/plugins/x/unload'], ['POST', '/v1/plugins/x/rollback'],
    ['DELETE', '/v1/plugins/x'], ['GET', '/v1/plugins/x/logs'], ['GET', '/v1/plugins/x/resources'], ['GET', '/v1/plugins/x/inspection'],
  ])('say that no plugin-host runs: %s %s', async (method, path) => {
    const { status, body, headers } = await system.call(method, path);
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'no-plugin-host', '5']);
    expect(body.detail).toContain('/v1/processes/plugin-host/start');
  });

  it('name the field that is wrong, before anybody is asked', async () => {
    expect((await system.call('POST', '/v1/plugins/x/swap', { version: 'newest' })).body.code).toBe('invalid-request');
    expect((await system.call('POST', '/v1/plugins/x/approve', { version: '1.0.0', integrity: 'sha256-short' })).body.code).toBe('invalid-request');
    expect((await system.call('GET', '/v1/plugins/No%20Name')).body.code).toBe('invalid-request');
  });

  it.each([
    ['PUT', '/v1/plugins/x/secrets/TOKEN', '"open sesame"', '{"value":"the secret itself"}'],
    ['POST', '/v1/plugins/x/approve', {}, '"secrets":["BOT_TOKEN"]'],
    ['POST', '/v1/plugins/x/swap', {}, '{"version":"1.1.0"}'],
    ['POST', '/v1/plugins/x/load', { version: 1 }, '{"version":"1.0.0"}'],
    ['POST', '/v1/plugins/resolve', {}, '{"plugins":[{"name":"greeter","range":"^1.0.0"}]}'],
    ['POST', '/v1/keys', {}, '{"name":"my bot","role":"ingress"}'],
    ['PUT', '/v1/breakers/x', {}, '{"force":"open"}'],
    ['PUT', '/v1/routes/x', {}, '"target":"twitch"'],
    ['POST', '/v1/dead-letters/redrive', {}, '{"filter":{"platform":"minecraft"},"dryRun":true}'],
    ['POST', '/v1/dead-letters/discard', {}, '{"filter":{"platform":"minecraft"}}'],
    ['POST', '/v1/platforms/x/scale', {}, '{"instances":2}'],
    ['PATCH', '/v1/scaling/policy', { disableAt: 70 }, '"disableAtPercent":75'],
  ])('show who sends a wrong body what a right one looks like: %s %s', async (method, path, wrong, right) => {
    const { status, body } = await system.call(method, path, wrong);
    expect([status, body.code]).toEqual([400, 'invalid-request']);
    expect(body.detail).toContain('A body that fits: ');
    expect(body.detail).toContain(right);
  });

  it('have an example for every body in the API documents', async () => {
    const { body } = await system.call<{ paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: { $ref?: string; example?: unknown } }> } }>>; components: { schemas: Record<string, { example?: unknown }> } }>('GET', '/docs-json');
    const without = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) => {
        const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
        const shown = schema?.$ref === undefined ? schema : body.components.schemas[schema.$ref.split('/').at(-1)!];
        return schema === undefined || shown?.example !== undefined ? [] : [`${method} ${path}`];
      }),
    );
    expect(without).toEqual([]);
  });

  it('hand a secret to the host that leads, sealed, and write down its name only', async () => {
    const box = new BoxKey();
    const asked: PluginCommand[] = [];
    const carryOut = async (command: PluginCommand) => void asked.push(command);
    const listener = new CommandListener(context.connections, PluginHosts.TOPIC, context.instance, PluginCommand, carryOut, context.logger);
    await listener.open();
    await new PluginHosts(context.connections).report({ instance: context.instance, machine: 'here', pid: 1, at: Date.now(), publicKey: box.publicKey, settled: true, plugins: {} });
    await new Lease(context.connections, PluginHosts.LEASE, context.instance, 10_000).holds();

    // The double answers with nothing, which is no view: the door says so.
    expect((await system.call('PUT', '/v1/plugins/@acme%2Fchat/secrets/TOKEN', { value: 'open sesame' })).body.code).toBe('internal');

    expect(asked).toMatchObject([{ do: 'give-secret', name: '@acme/chat', secret: 'TOKEN' }]);
    expect(JSON.stringify(asked)).not.toContain('open sesame');
    expect(box.open((asked[0] as Extract<PluginCommand, { do: 'give-secret' }>).sealed)).toBe('open sesame');
    const audit = await system.call<{ items: unknown[] }>('GET', '/v1/audit?subject=%40acme%2Fchat');
    expect(audit.body.items).toMatchObject([{ action: 'plugin.secret-given.refused', after: { named: 'TOKEN', code: 'internal' } }]);
    expect(JSON.stringify(audit.body)).not.toContain('open sesame');
    await listener.close();
  });
});

describe('the history of plugins', () => {
  it('misses nothing while the database or the active conductor is away', async () => {
    const context = await openTestContext('conductor');
    const { connections, notices } = context;
    const events = new PluginEvents(connections, notices);
    const written: PluginEvent[] = [];
    const audited: unknown[] = [];
    let away = true;
    const log = {
      write: async (batch: readonly PluginEvent[]) => {
        if (away) throw new Error('the database is away');
        written.push(...batch);
      },
    } as unknown as PluginLog;
    const audit = { record: async (entry: unknown) => void audited.push(entry) } as unknown as AuditLog;
    const logger = createLogger({ app: 'test', level: 'silent' });
    const changes = new Changes(audit, logger);
    const history = new PluginHistory(events, log, changes, notices, () => true, logger);

    await events.append({ host: 'h', plugin: 'echo', event: 'swapped', version: '1.1.0', from: '1.0.0', reason: 'wished', by: 'Ada' });
    await events.append({ host: 'h', plugin: 'echo', event: 'rolled-back', version: '1.0.0', from: '1.1.0', reason: '3 of 3 messages failed', by: 'system' });
    expect(written).toEqual([]);
    away = false;

    await until(() => expect(written.map(({ event }) => event)).toEqual(['swapped', 'rolled-back']));
    // A person's change was written down at the door; what the system did by itself only here.
    await until(() => expect(audited).toEqual([expect.objectContaining({ actor: 'system', action: 'plugin.rolled-back', subject: 'echo' })]));
    await until(async () => expect(await events.uncopied()).toEqual([]));
    await history.close();
    await changes.close();
    await context.resources.drain();
  });
});
