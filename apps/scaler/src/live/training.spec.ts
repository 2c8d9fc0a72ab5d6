import { createLogger } from '@conductor/observability';
import { Forecaster, seriesOf } from '../forecast';
import { Training } from './training';

const RATE = seriesOf('rate', 'discord');

const due = (waitingFor: () => string | undefined = () => undefined) => {
  const forecaster = new Forecaster();
  forecaster.observe(RATE, 0, 5);
  const said: unknown[] = [];
  const logger = Object.assign(createLogger({ app: 'scaler', level: 'silent' }), { info: (fields: unknown) => void said.push(fields) });
  return { forecaster, said, training: new Training({ forecaster, database: { home: '/nowhere', databaseUrl: undefined }, packages: { waitingFor }, logger, onRun: () => {} }) };
};

it('waits while there is no memory for a run, says so once, and is due until there is', async () => {
  const { forecaster, said, training } = due();

  training.whenDue(1_000, 399);
  training.whenDue(2_000, 20);
  expect(said).toEqual([{ roomMb: 399, needsMb: 400 }]);
  expect(forecaster.trainingDue(2_000)).toBe('never-trained');
  expect(training.state).toMatchObject({ state: 'waiting', reason: 'a run needs 400 MB, and 20 MB may come into use' });

  training.whenDue(3_000, 400);
  expect(forecaster.trainingDue(3_000)).toBeUndefined();
  await training.close();
});

it('waits for its packages, says so, and runs once they are here', async () => {
  let missing: string | undefined = 'its packages (danfojs) are being fetched';
  const { forecaster, training } = due(() => missing);

  training.whenDue(1_000, 10_000);
  expect(training.state).toMatchObject({ state: 'waiting', reason: missing });
  expect(forecaster.trainingDue(1_000)).toBe('never-trained');

  missing = undefined;
  training.whenDue(2_000, 10_000);
  expect(training.state.state).toBe('running');
  await training.close();
});
