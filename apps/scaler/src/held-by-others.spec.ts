import { until } from '@conductor/testing';
import { NEVER, Stage } from './fixtures/stage';

let stage: Stage;
afterEach(() => stage?.close());

describe('a platform that an operator has suspended', () => {
  it('stays off while the scaler brings back what it shed itself', async () => {
    stage = await Stage.open();
    stage.obey();
    await stage.platform('voice');
    await stage.platform('android');
    await stage.directory.desire('voice', { suspended: { reason: 'maintenance', since: Date.now() } });
    await stage.scaler();
    // Whatever the machine has in use is above that.
    await stage.board.changePolicy({ restoreAtPercent: 1, disableAtPercent: 1.1, emergencyAtPercent: 99.9 });
    await until(() => expect(stage.decided('shed').map(({ platforms }) => platforms)).toEqual([['android']]));
    await stage.board.changePolicy(NEVER);

    await until(() => expect(stage.measured(stage.decided('restore')[0]?.id ?? '')).toBeDefined());
    expect(stage.decided('restore').map(({ platforms }) => platforms)).toEqual([['android']]);
    expect(stage.directory.desired.get('voice')?.suspended).toEqual({ reason: 'maintenance', since: expect.any(Number) });
    expect(stage.directory.desired.get('android')?.suspended).toBeUndefined();
  });
});
