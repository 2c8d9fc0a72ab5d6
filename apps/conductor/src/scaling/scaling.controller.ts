import { PlatformName, ScalingDecision, ScalingDecisionKind, ScalingPolicyPatch, ScalingPolicyView, ScalingView, UsedForecast } from '@conductor/contracts';
import { ScalingBoard } from '@conductor/control';
import { Allow, Answers, ApiOperation, ApiTags, Caller, Fails, Problem, Trace, ZodBody, ZodQuery } from '@conductor/http';
import { DatabaseUnavailable, ScalingLog } from '@conductor/persistence';
import { Controller, Delete, Get, Inject, Patch } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { Moment } from '../history/moment';

const DecisionQuery = z.strictObject({
  platform: PlatformName.optional(),
  kind: ScalingDecisionKind.optional(),
  from: Moment.optional(),
  to: Moment.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().max(100).optional().describe('`next` of the page before'),
});
const Decisions = z.object({ items: z.array(ScalingDecision).describe('newest first'), next: z.string().optional() });

const ForecastQuery = z.strictObject({ platform: z.string().max(64).optional().describe('a platform, its processes, or `total`'), lookAheadMs: z.coerce.number().int().min(1).optional() });
const Forecasts = ScalingView.pick({ at: true, by: true, training: true, memory: true, champions: true, platforms: true }).extend({ forecasts: z.array(UsedForecast.extend({ at: z.number(), observed: z.number() })) });

/** What the scaler decided and foresees, and by what it decides. */
@ApiTags('scaling')
@Controller('v1/scaling')
export class ScalingController {
  constructor(
    @Inject(ScalingLog) private readonly log: ScalingLog,
    @Inject(ScalingBoard) private readonly board: ScalingBoard,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get('decisions')
  @ApiOperation({ summary: 'Every decision of the scaler: what it saw, foresaw, did, expected, and what came of it' })
  @Answers(200, Decisions)
  @Fails('invalid-request', 'not-ready')
  async decisions(@ZodQuery(DecisionQuery) query: z.output<typeof DecisionQuery>): Promise<z.output<typeof Decisions>> {
    try {
      return await this.log.list(query);
    } catch (error) {
      if (error instanceof RangeError) throw new Problem('invalid-request', error.message, { errors: [{ field: 'cursor', message: error.message }] });
      if (!(error instanceof DatabaseUnavailable)) throw error;
      throw new Problem('not-ready', 'Decisions cannot be read now, because the database is away. The scaler goes on, and GET /v1/events tells what it decides.', { retryAfterSeconds: 5, cause: error });
    }
  }

  @Get('forecast')
  @ApiOperation({ summary: 'What is foreseen of memory, requests and queues, by which model, and how well each model did' })
  @Answers(200, Forecasts)
  @Fails('not-ready', 'redis-unavailable')
  async forecast(@ZodQuery(ForecastQuery) { platform, lookAheadMs }: z.output<typeof ForecastQuery>): Promise<z.output<typeof Forecasts>> {
    const view = await this.board.view();
    if (!view) throw new Problem('not-ready', 'No scaler acts just now, so nothing is foreseen. GET /v1/processes tells how it is.', { retryAfterSeconds: 10 });
    const unit = view.platforms.find(({ name }) => name === platform)?.unit;
    const wanted = (of: { series: string; lookAheadMs: number }) => {
      const subject = of.series.slice(of.series.indexOf(':') + 1);
      return (platform === undefined || subject === platform || subject === unit) && (lookAheadMs === undefined || of.lookAheadMs === lookAheadMs);
    };
    return { ...view, forecasts: view.forecasts.filter(wanted), champions: view.champions.filter(wanted) };
  }

  @Get('policy')
  @ApiOperation({ summary: 'By what the scaler decides' })
  @Answers(200, ScalingPolicyView)
  @Fails('redis-unavailable')
  policy(): Promise<ScalingPolicyView> {
    return this.board.policy();
  }

  /** What is not named stays as it is; `load` is merged setting by setting. It holds from the scaler's next look on. */
  @Patch('policy')
  @Allow('operator')
  @Answers(200, ScalingPolicyView)
  @Fails('invalid-request', 'redis-unavailable')
  async change(@ZodBody(ScalingPolicyPatch) patch: ScalingPolicyPatch, @Caller() caller: Caller, @Trace() trace: string): Promise<ScalingPolicyView> {
    try {
      const { before, after } = await this.board.changePolicy(patch);
      await this.audit({ before, after }, caller, trace);
      return after;
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      const errors = error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
      throw new Problem('invalid-request', `The policy would make no sense: ${errors.map(({ field, message }) => `${field} ${message}`).join('; ')}.`, { errors, cause: error });
    }
  }

  /** Every setting goes back to its default at once. */
  @Delete('policy')
  @Allow('operator')
  @ApiOperation({ summary: 'Back to the default policy' })
  @Answers(200, ScalingPolicyView)
  @Fails('redis-unavailable')
  async reset(@Caller() caller: Caller, @Trace() trace: string): Promise<ScalingPolicyView> {
    const changed = await this.board.resetPolicy();
    await this.audit(changed, caller, trace);
    return changed.after;
  }

  private async audit({ before, after }: { before: ScalingPolicyView; after: ScalingPolicyView }, caller: Caller, trace: string): Promise<void> {
    if (after !== before) await this.changes.record({ caller, action: 'scaling.policy', subject: 'scaling', before: before.policy, after: after.policy, trace });
  }
}
