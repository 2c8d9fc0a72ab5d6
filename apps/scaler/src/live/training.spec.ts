import { createLogger } from '@conductor/observability';
import { Forecaster, seriesOf } from '../forecast';
import { Training } from './training';

const RATE = seriesOf('rate', 'discord');

it('waits while there is no memory for a run, says so once, and is due until there is', async () => {
  const forecaster = new Forecaster();
  forecaster.observe(RATE, 0, 5);
  const said: unknown[] = [];
  const logger = Object.assign(createLogger({ app: 'scaler', level: 'silent' }), { info: (fields: unknown) => void said.push(fields) });
  const training = new Training(forecaster, { home: '/nowhere', databaseUrl: undefined }, logger, () => {});

  training.whenDue(1_000, 399);
  training.whenDue(2_000, 20);
  expect(said).toEqual([{ roomMb: 399, needsMb: 400 }]);
  expect(forecaster.trainingDue(2_000)).toBe('never-trained');

  training.whenDue(3_000, 400);
  expect(forecaster.trainingDue(3_000)).toBeUndefined();
  await training.close();
});
