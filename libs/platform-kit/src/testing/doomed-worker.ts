import { loadConfig } from '@conductor/config';
import { hang, openTestContext, ScriptedPlatform } from '@conductor/testing';
import { PlatformHost } from '../platform-host';

/** A process that takes messages of platform `p` in hand and never ends them: the test kills it. */
const run = async () => {
  const diesAtOnce = process.env['DOOMED'] === 'dies-at-once';
  const platform = new ScriptedPlatform();
  platform.onRequest = async () => {
    if (diesAtOnce) process.kill(process.pid, 'SIGKILL');
    return hang();
  };
  const context = await openTestContext('stubs', loadConfig());
  await PlatformHost.open(context, [platform.definition('p', { requestTimeoutMs: 60_000, repeatable: diesAtOnce })]);
};

void run();
