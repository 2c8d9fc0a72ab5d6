import { hang, ScriptedPlatform } from '@conductor/testing';
import { checkPlatformContract, DeliveryFailure } from './index';

const left: NodeJS.Timeout[] = [];
afterEach(() => left.splice(0).forEach(clearInterval));

const breachesOf = async (script: (platform: ScriptedPlatform) => void, name = 'scripted') => {
  const platform = new ScriptedPlatform();
  script(platform);
  return (await checkPlatformContract(platform.definition(name))).map(({ rule, found }) => `${rule}: ${found}`);
};

describe('the contract test', () => {
  it('finds nothing wrong with a platform that keeps the contract', async () => {
    expect(await breachesOf(() => {})).toEqual([]);
  });

  it('accepts a failure that says what happens next', async () => {
    expect(await breachesOf((platform) => {
      platform.onRequest = async ({ content }) => {
        if (typeof content !== 'string') throw DeliveryFailure.never({ code: 'no-text', message: 'there is nothing to send' });
        return {};
      };
    })).toEqual([]);
  });

  it.each<[string, RegExp, (platform: ScriptedPlatform) => void]>([
    ['throws while it starts', /initialize\(\) ends.*no network/, (p) => { p.onInitialize = async () => { throw new Error('no network'); }; }],
    ['answers a health check with nonsense', /healthCheck\(\) answers with a health/, (p) => { p.onHealthCheck = async () => ({ status: 'fine' }) as never; }],
    ['takes long over a health check', /within 200 ms/, (p) => { p.onHealthCheck = () => new Promise((resolve) => setTimeout(resolve, 260, { status: 'ok' })); }],
    ['answers with a text', /an object that survives JSON/, (p) => { p.onRequest = async () => 'hi' as never; }],
    ['answers with a date', /changes on its way through JSON/, (p) => { p.onRequest = async () => ({ at: new Date() }) as never; }],
    ['answers with a number that JSON does not know', /changes on its way through JSON/, (p) => { p.onRequest = async () => ({ latency: Number.NaN }); }],
    ['throws something of its own', /what handleRequest\(\) throws/, (p) => { p.onRequest = async () => { throw new Error('oops'); }; }],
    ['cannot be shut down twice', /called twice: it threw already down/, (p) => { p.onShutdown = async () => { if (p.shutDown % 2 === 0) throw new Error('already down'); }; }],
    ['leaves a timer behind', /nothing is left open.*a timer, made at .*platform-contract\.spec\.ts:\d+/, (p) => {
      p.onInitialize = async () => { left.push(setInterval(() => {}, 1_000)); };
    }],
  ])('catches a platform that %s', async (_, breach, script) => {
    expect((await breachesOf(script)).join('\n')).toMatch(breach);
  });

  it('blames a platform for nothing that its neighbours in the process open', async () => {
    const neighbour = setTimeout(() => left.push(setInterval(() => {}, 1_000)), 10);
    const breaches = await breachesOf((platform) => { platform.onInitialize = () => new Promise((resolve) => setTimeout(resolve, 30)); });
    clearTimeout(neighbour);

    expect(left).toHaveLength(1);
    expect(breaches).toEqual([]);
  });

  it('catches a name that cannot be used', async () => {
    expect(await breachesOf(() => {}, 'My Platform')).toEqual([expect.stringContaining('My Platform')]);
  });

  it('does not wait for ever for a platform that hangs', async () => {
    expect((await breachesOf((platform) => { platform.onShutdown = () => hang(); })).join('\n')).toContain('nothing for 5000 ms');
  });
});
