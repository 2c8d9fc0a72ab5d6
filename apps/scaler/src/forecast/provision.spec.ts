import { Figures } from './figures';
import { Provision } from './provision';

const HOUR = 3_600_000;
const QUIET = { lastValue: 10, linear: 11, point: 10, provision: 11 };
/** So many truths of which nothing was a breach, for anybody. */
const quiet = (provision: Provision, truths: number) => {
  for (let at = 0; at < truths; at++) provision.learn(at, 10, QUIET);
};

it('asks the straight line too while it is not known that this is needless, and never provides for less than the point', () => {
  const provision = new Provision(HOUR, 1);
  expect(provision.of(10, 14)).toBe(14);
  expect(provision.of(10, 6)).toBe(10);

  quiet(provision, 200);
  expect(provision.of(10, 14)).toBe(10);
});

it('asks it again after a breach that the line would have spared, until as many are spared that the line would have had', () => {
  const provision = new Provision(HOUR, 1);
  quiet(provision, 200);
  provision.learn(200, 20, { lastValue: 10, linear: 19, point: 10, provision: 10 });
  expect(provision.of(10, 14)).toBe(14);

  for (let at = 0; at < 2; at++) provision.learn(201 + at, 20, { lastValue: 10, linear: 10, point: 19, provision: 19 });
  expect(provision.of(10, 14)).toBe(10);
});

it('looks further ahead where breaches become known late', () => {
  const [soon, late] = [new Provision(HOUR, 1), new Provision(HOUR, 30)];
  for (const provision of [soon, late]) quiet(provision, 200);

  expect([soon.of(10, 14), late.of(10, 14)]).toEqual([10, 14]);
});

it('goes on after a take-over with what was in its books', () => {
  const provision = new Provision(HOUR, 1);
  quiet(provision, 200);
  const figures = new Figures(200);
  provision.save(figures);
  const next = new Provision(HOUR, 1);
  next.load(new Figures(200, [...figures.toFloat32()]));

  expect(next.of(10, 14)).toBe(10);
});
