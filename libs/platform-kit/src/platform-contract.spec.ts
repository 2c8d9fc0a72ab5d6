import { hang, ScriptedPlatform } from '@conductor/testing';
import { checkPlatformContract, DeliveryFailure } from './index';

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
    ['leaves a timer behind', /nothing is left open/, (p) => {
      p.onInitialize = async () => { const timer = setInterval(() => {}, 1_000); setTimeout(() => clearInterval(timer), 3_000); };
    }],
  ])('catches a platform that %s', async (_, breach, script) => {
    expect((await breachesOf(script)).join('\n')).toMatch(breach);
  });

  it('catches a name that cannot be used', async () => {
    expect(await breachesOf(() => {}, 'My Platform')).toEqual([expect.stringContaining('My Platform')]);
  });

  it('does not wait for ever for a platform that hangs', async () => {
    expect((await breachesOf((platform) => { platform.onShutdown = () => hang(); })).join('\n')).toContain('nothing for 5000 ms');
  });
});
