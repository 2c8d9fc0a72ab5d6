import { requestCpuMsOf } from './process-watch';

it.each([
  [{ requestTimeoutMs: 5_000 }, 2_500, 'half of the time that a message may take'],
  [{ requestTimeoutMs: 300 }, 1_000, 'at least what a few looks a second can tell'],
  [{ requestTimeoutMs: 5_000, requestCpuMs: 20_000 }, 20_000, 'what the manifest says'],
] as Array<[Parameters<typeof requestCpuMsOf>[0], number, string]>)('a message of a plugin with %j may cost %d ms of processor time: %s', (settings, ms) => {
  expect(requestCpuMsOf(settings)).toBe(ms);
});
