import { RequestProcessorTime } from './request-processor-time';

let at = 0;
let cpuMs: number | undefined = 0;
let time: RequestProcessorTime;
beforeEach(() => {
  at = 0;
  cpuMs = 0;
  time = new RequestProcessorTime(() => cpuMs, () => at);
});
/** Lets time pass, in which the process uses so much of the processor. */
const pass = (ms: number, usedMs: number) => {
  at += ms;
  cpuMs = (cpuMs ?? 0) + usedMs;
};

it('gives a message that is alone all that was used from its beginning to its end, and nothing of before and after', () => {
  pass(1_000, 300);
  const one = time.begin();
  pass(100, 40);
  time.end(one);
  pass(500, 200);
  time.look();
  expect([one.cpuMs, time.totalMs, time.largestMs]).toEqual([40, 40, 40]);
});

it('shares what was used among those in hand, by how long each was', () => {
  const long = time.begin();
  pass(100, 0);
  const short = time.begin();
  pass(100, 90);
  time.end(short);
  expect(time.look()).toBe(60);
  expect([long.cpuMs, short.cpuMs]).toEqual([60, 30]);
  pass(100, 50);
  expect(time.look()).toBe(110);
});

it('tells of a message that ended between two looks, once', () => {
  time.look();
  const heavy = time.begin();
  pass(200, 190);
  time.end(heavy);
  time.end(time.begin());
  expect([time.look(), time.look()]).toEqual([190, 0]);
});

it('takes together what was used without any message, however often one comes in between', () => {
  time.look();
  for (let n = 0; n < 10; n++) {
    pass(90, 80);
    const share = time.begin();
    pass(10, 10);
    time.end(share);
  }
  expect(time.takeIdle(901)).toBeUndefined();
  expect(time.takeIdle(900)).toEqual({ cpuMs: 800, ms: 900 });
  expect(time.takeIdle(1)).toBeUndefined();
  expect(time.totalMs).toBe(100);
});

it('blames nobody while nobody can tell what is used', () => {
  cpuMs = undefined;
  const share = time.begin();
  expect(time.look()).toBe(0);
  time.end(share);
  expect(time.totalMs).toBe(0);
});
