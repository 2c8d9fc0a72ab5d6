import { Belief } from './belief';
import { Figures } from './figures';

const MINUTE = 60_000;

it('expects the last value until the champion leads beyond chance, and then believes it as long as some of that is left', () => {
  const belief = new Belief(MINUTE);
  expect(belief.inChampion).toBe(false);
  for (const [lead, believes] of [[3.4, false], [3.6, true], [1.1, true], [0.9, false], [1.1, false]] as const) {
    belief.review(lead);
    expect({ lead, believes: belief.inChampion }).toEqual({ lead, believes });
  }
});

it('asks for more once it has lost by its belief, until that is made up for; also after a take-over', () => {
  const belief = new Belief(MINUTE);
  belief.review(5);
  belief.learn(0, 1, 4);
  belief.review(1.5);
  expect(belief.inChampion).toBe(false);
  belief.review(4);
  expect(belief.inChampion).toBe(false);

  const figures = new Figures(0);
  belief.save(figures);
  const next = new Belief(MINUTE);
  next.load(new Figures(0, [...figures.toFloat32()]));
  next.review(4);
  expect(next.inChampion).toBe(false);
  next.learn(1, 9, 4);
  next.review(4);
  expect(next.inChampion).toBe(true);
});
