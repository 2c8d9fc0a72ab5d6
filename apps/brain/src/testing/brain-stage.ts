import { configFrom } from '@conductor/config';
import type { Outcome } from '@conductor/contracts';
import { openPlatforms, type PlatformStage, until } from '@conductor/testing';
import { brain } from '../brain';
import { brainConfig } from '../brain-config';
import { ChatEndpointDouble } from './chat-endpoint-double';

export type Router = PlatformStage['router'];

/** Brains on the tests' Redis, and the server they ask. */
export class BrainStage {
  private readonly stages: PlatformStage[] = [];

  private constructor(readonly endpoint: ChatEndpointDouble) {}

  static async open(): Promise<BrainStage> {
    return new BrainStage(await ChatEndpointDouble.start());
  }

  definition(env: Record<string, string> = {}) {
    return brain(brainConfig(configFrom({ BRAIN_URL: this.endpoint.url, BRAIN_MODEL: 'tiny', ...env })));
  }

  /** A brain, and the router that sends to it. */
  async brain(env: Record<string, string> = {}): Promise<Router> {
    return (await this.stage(env)).router;
  }

  async stage(env: Record<string, string> = {}): Promise<PlatformStage> {
    const stage = await openPlatforms([this.definition(env)], { env: { PRESENCE_TTL_MS: '400' } });
    this.stages.push(stage);
    await until(async () => expect((await stage.router.presences.all())[0]?.lifecycle).toMatch(/ready|degraded|needs-attention/));
    return stage;
  }

  async close(): Promise<void> {
    await Promise.all(this.stages.map((stage) => stage.close()));
    await this.endpoint.down();
  }
}

/** How the first attempt at a message ended. */
export const firstOutcome = async (router: Router, message: Parameters<Router['send']>[1] = {}): Promise<Outcome> => {
  const id = await router.send('brain', message);
  return until(() => {
    const [reply] = router.repliesTo(id);
    if (!reply) throw new Error('no reply yet');
    return reply.outcome;
  });
};
