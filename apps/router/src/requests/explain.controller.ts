import { Controller, Inject, Post } from '@nestjs/common';
import { RequestInput, RouteExplanation } from '@conductor/contracts';
import { Allow, Answers, ApiOperation, ApiTags, Fails, ZodBody } from '@conductor/http';
import type { z } from 'zod';
import { PlatformChooser } from '../dispatch/platform-chooser';
import { RoutePlanner } from '@conductor/routing';

/** Says what would become of a request, without sending it. */
@ApiTags('routes')
@Controller('v1/routes/explain')
export class ExplainController {
  constructor(
    @Inject(RoutePlanner) private readonly planner: RoutePlanner,
    @Inject(PlatformChooser) private readonly chooser: PlatformChooser,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Where a message would go now, and why; sends nothing' })
  @Allow('viewer', 'ingress')
  @Answers(200, RouteExplanation)
  @Fails('invalid-request')
  explain(@ZodBody(RequestInput) input: z.output<typeof RequestInput>): RouteExplanation {
    const { plan, notMatched } = this.planner.explain({ ...input, source: input.source ?? 'rest' });
    const candidates = this.chooser.inspect([plan.target, ...plan.fallbacks], input.kind);
    const chosen = candidates.find(({ available }) => available);
    const why = chosen
      ? chosen.platform === plan.target ? `${plan.target} is the target of ${plan.rule} and available` : `${plan.target} is not available (${candidates[0]!.why}); ${chosen.platform} is the first fallback that is`
      : input.waitFor === 'acceptance' ? 'no candidate is available: the message would wait' : 'no candidate is available: the message would be dead-lettered at once';
    return { rule: plan.rule, target: plan.target, fallbacks: plan.fallbacks, notMatched, candidates, decision: { ...(chosen && { platform: chosen.platform }), why } };
  }
}
