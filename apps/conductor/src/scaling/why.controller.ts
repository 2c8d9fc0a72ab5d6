import { PlatformName, PlatformWhy, type ScalingDecision, type ScalingDecisionKind } from '@conductor/contracts';
import { PlatformDirectory, ScalingBoard } from '@conductor/control';
import { Answers, ApiOperation, ApiTags, Fails, ZodParam } from '@conductor/http';
import { DatabaseUnavailable, ScalingLog } from '@conductor/persistence';
import { Controller, Get, Inject } from '@nestjs/common';
import { PlatformViews } from '../platforms/platform-views';
import { whySentence } from './why-sentence';

/** That another model is believed says nothing of how a platform is. */
const ABOUT_ITS_STATE: readonly ScalingDecisionKind[] = ['shed', 'restore', 'emergency', 'scale-up', 'scale-down'];

/** Why a platform is as it is. */
@ApiTags('platforms')
@Controller('v1/platforms')
export class WhyController {
  constructor(
    @Inject(PlatformViews) private readonly views: PlatformViews,
    @Inject(PlatformDirectory) private readonly directory: PlatformDirectory,
    @Inject(ScalingBoard) private readonly board: ScalingBoard,
    @Inject(ScalingLog) private readonly log: ScalingLog,
  ) {}

  @Get(':name/why')
  @ApiOperation({ summary: 'One sentence that a person understands: why this platform is on, off, shed or broken' })
  @Answers(200, PlatformWhy)
  @Fails('not-found', 'redis-unavailable')
  async why(@ZodParam('name', PlatformName) name: string): Promise<PlatformWhy> {
    const platform = await this.views.one(name);
    const desired = this.directory.desired.get(name);
    const [scaling, decision] = await Promise.all([this.board.view(), this.decisionOn(name, desired?.suspended?.decision)]);
    return { platform: name, state: platform.state, why: whySentence({ platform, desired, scaling, decision, now: Date.now() }), ...(decision && { decision }) };
  }

  /** While the database is away the sentence is shorter. */
  private async decisionOn(platform: string, id: string | undefined): Promise<ScalingDecision | undefined> {
    try {
      return id === undefined ? (await this.log.list({ platform, kind: ABOUT_ITS_STATE, limit: 1 })).items[0] : await this.log.one(id);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) return undefined;
      throw error;
    }
  }
}
