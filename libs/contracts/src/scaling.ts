import { z } from 'zod';
import { PlatformName } from './names';
import { MOST_INSTANCES } from './platform-state';

const percent = z.number().min(1).max(100);
const ms = z.int().min(0).max(86_400_000);

/** Platforms that one process runs stand and fall together; a group may also be named in the order. */
const Names = z.array(PlatformName).max(200);

/** When load is answered with more workers, and when they are taken back. */
const LoadPolicy = z.strictObject({
  enabled: z.boolean().default(true),
  requestsPerSecondPerInstance: z.number().positive().default(200).describe('more than this, observed or forecast, scales up'),
  queueAgeMs: ms.default(2_000).describe('a message that waits longer than this, observed or forecast, scales up'),
  busyPercent: percent.default(70).describe('share of the workers in hand that scales up'),
  spikeFactor: z.number().min(1.1).max(100).default(2).describe('so many times the normal rate within 30 s is a spike'),
  spikeLeastRequestsPerSecond: z.number().min(0).default(5).describe('below this rate nothing is a spike'),
  lookAheadMs: ms.default(300_000).describe('forecasts of this look-ahead count for gradual load'),
  dailyPeakAheadMs: ms.default(900_000).describe('scales so long ahead of a learned daily peak'),
  scaleDownAfterMs: ms.default(300_000).describe('quiet time before workers are taken back'),
  upEveryMs: ms.default(15_000).describe('least time between two steps up of a platform'),
  maxConcurrencyFactor: z.number().min(1).max(64).default(4).describe('an instance gets at most so many times the workers its platform was defined with'),
  maxInstances: z.int().min(1).max(MOST_INSTANCES).default(1).describe('processes of a platform at most'),
  maxInstancesOf: z.record(PlatformName, z.int().min(1).max(MOST_INSTANCES)).default({}),
});

const shape = {
  mode: z.enum(['act', 'watch']).default('act').describe('`watch` decides and explains, and touches nothing'),
  disableAtPercent: percent.default(80).describe('memory in use, observed or forecast, at which the next platform is shed'),
  restoreAtPercent: percent.default(65).describe('memory in use, observed, below which a platform may come back'),
  emergencyAtPercent: percent.default(95).describe('memory in use, observed, at which all that may go goes at once'),
  order: z.array(z.string().min(1).max(64)).max(200).default(['voice', 'android', 'discord', 'stubs']).describe('who goes first; names of platforms or groups. `*` stands for those that are not named, by default just before the groups that stay in an emergency'),
  groups: z.record(z.string().min(1).max(64), Names).default({ stubs: ['minecraft', 'twitch', 'tiktok', 'youtube'] }),
  priorities: z.record(PlatformName, z.number().min(0).max(1_000)).default({}).describe('overrides the order, whose places are 10, 20, 30, …: a lower one goes first'),
  protected: Names.default(['brain']).describe('treated as pinned: the way to the language model'),
  keepInEmergency: z.array(z.string().min(1).max(64)).max(200).default(['stubs']).describe('platforms or groups that an emergency leaves alone'),
  minimumRunning: z.int().min(0).max(200).default(0).describe('so many platforms stay, whatever happens'),
  lookAheadMs: ms.default(300_000).describe('the forecast of memory that decides'),
  forecastHoldMs: ms.default(10_000).describe('a forecast alone must say so for this long'),
  settleMs: z.int().min(0).max(15_000).default(15_000).describe('longest wait for memory to be given back before it is judged again'),
  restoreAfterMs: ms.default(300_000).describe('memory must stay below the mark for so long before a platform returns'),
  restoreEveryMs: ms.default(30_000).describe('least time between two returns'),
  minOffMs: ms.default(60_000).describe('a platform that was shed stays off at least this long'),
  minOnMs: ms.default(60_000).describe('one that returned is not shed again by a forecast for this long'),
  flapWindowMs: ms.default(600_000).describe('shed again within this time of its return: the next stay doubles'),
  maxOffMs: ms.default(3_600_000).describe('longest such stay'),
  marginPercent: z.number().min(0).max(50).default(3).describe('what returns must fit under the disabling mark with this to spare'),
  assumedMb: z.number().min(0).default(200).describe('taken for what a platform needs when it was never measured'),
  pressurePercent: percent.default(60).describe('share of time in which all work waited for memory (PSI full, 10 s) that is an emergency …'),
  pressureForMs: ms.default(30_000).describe('… when it lasts this long while memory is above the disabling mark'),
  load: LoadPolicy.default(LoadPolicy.parse({})),
};

type Marks = { restoreAtPercent: number; disableAtPercent: number; emergencyAtPercent: number };
const inOrder = ({ restoreAtPercent, disableAtPercent, emergencyAtPercent }: Marks) => restoreAtPercent < disableAtPercent && disableAtPercent < emergencyAtPercent;

/** By what the scaler decides. Kept in Redis, changed live. */
export const ScalingPolicy = z.strictObject(shape).refine(inOrder, { message: 'must be: restoreAtPercent < disableAtPercent < emergencyAtPercent', path: ['disableAtPercent'] });
export type ScalingPolicy = z.output<typeof ScalingPolicy>;

/** A change of some settings; `load` too is merged setting by setting. Nothing has a default here. */
const withoutDefaults = (fields: z.ZodRawShape) =>
  Object.fromEntries(Object.entries(fields as Record<string, z.ZodDefault<z.ZodType>>).map(([name, field]) => [name, field.unwrap().optional().describe(field.description ?? '')]));
export type ScalingPolicyPatch = Partial<Omit<ScalingPolicy, 'load'>> & { load?: Partial<ScalingPolicy['load']> | undefined };
export const ScalingPolicyPatch = z.strictObject({ ...withoutDefaults(shape), load: z.strictObject(withoutDefaults(LoadPolicy.shape)).optional() }).meta({ example: { disableAtPercent: 75, load: { maxInstancesOf: { brain: 3 } } } }) as unknown as z.ZodType<ScalingPolicyPatch>;

export const ScalingPolicyView = z.object({ version: z.int(), at: z.number(), policy: ScalingPolicy });
export type ScalingPolicyView = z.output<typeof ScalingPolicyView>;

export const ScalingDecisionKind = z.enum(['shed', 'restore', 'emergency', 'scale-up', 'scale-down', 'no-change', 'champion-changed', 'policy-changed']);
export type ScalingDecisionKind = z.output<typeof ScalingDecisionKind>;

/** What the decision looked at. Memory in MB. */
const Inputs = z.object({
  wall: z.string().optional().describe('what the memory is measured against: budget, cgroup or host'),
  budgetMb: z.number().optional(),
  usedMb: z.number().optional(),
  usedPercent: z.number().optional(),
  decidingPercent: z.number().optional().describe('the greater of what is observed and what is forecast'),
  unitMb: z.number().optional().describe('resident memory of the processes that the action is about'),
  requestsPerSecond: z.number().optional(),
  normalRequestsPerSecond: z.number().optional(),
  queueAgeMs: z.number().optional(),
  inFlight: z.number().optional(),
  concurrency: z.number().optional(),
  instances: z.number().optional(),
  poolSize: z.number().optional().describe('sandboxed processes of its plugin in each host'),
  pressurePercent: z.number().optional(),
  models: z.array(z.object({ model: z.string(), error: z.number().nullable(), under: z.number().nullable(), weight: z.number(), chosen: z.boolean() })).optional().describe('how each model did lately'),
});

/** The forecast that the decision saw. */
export const UsedForecast = z.object({
  series: z.string(),
  lookAheadMs: z.number(),
  value: z.number().describe('what to provide for, with head-room: decisions go by it, or by what is observed where that is more'),
  expected: z.number().optional().describe('what is expected, without head-room'),
  lower: z.number().describe('nine of ten truths should fall between here …'),
  upper: z.number().describe('… and here'),
  model: z.string().describe('which one speaks'),
  error: z.number().optional().describe('rolling error of what was expected, 0.05 is 5 %'),
});
export type UsedForecast = z.output<typeof UsedForecast>;

const Action = z.discriminatedUnion('type', [
  z.object({ type: z.literal('suspend') }),
  z.object({ type: z.literal('resume') }),
  z.object({ type: z.literal('concurrency'), from: z.number(), to: z.number().nullable().describe('null: as the platform was defined') }),
  z.object({ type: z.literal('instances'), from: z.number(), to: z.number(), idlest: z.string().optional().describe('the instance that goes') }),
  z.object({ type: z.literal('pool-size'), from: z.number(), to: z.number().nullable().describe('sandboxed processes of its plugin in each host; null: as the work needs') }),
  z.object({ type: z.literal('none') }),
]);
export type ScalingAction = z.output<typeof Action>;

/** What came of it, measured when the processes were gone and the figure had settled. */
export const MeasuredEffect = z.object({
  at: z.number(),
  beforeMb: z.number().describe('memory in use before'),
  afterMb: z.number(),
  freedMb: z.number().describe('what the processes concerned gave back; negative: took'),
  settled: z.boolean().describe('false: the figure was still moving when the time was over'),
});
export type MeasuredEffect = z.output<typeof MeasuredEffect>;

/** One decision of the scaler, with all it rests on. */
export const ScalingDecision = z.object({
  id: z.string(),
  at: z.number(),
  kind: ScalingDecisionKind,
  platforms: z.array(z.string()).describe('all platforms of the processes concerned'),
  trigger: z.enum(['observed', 'forecast', 'pressure', 'quiet', 'gradual', 'spike', 'time-of-day', 'operator', 'models', 'none']),
  rule: z.string().describe('the rule that led to it'),
  reason: z.string().describe('one sentence for a person'),
  inputs: Inputs,
  forecast: UsedForecast.optional(),
  action: Action,
  expected: z.object({ freedMb: z.number().optional() }).describe('negative: takes'),
  measured: MeasuredEffect.optional(),
  reconsiderAt: z.number().describe('when it will be looked at again'),
  /** Grows with each decision-maker; an older one's word does not count any more. */
  token: z.number(),
  by: z.string().describe('the scaler that decided'),
});
export type ScalingDecision = z.output<typeof ScalingDecision>;

/** How the training of the forecasts' models stands. Without it forecasts go on with the models that need none. */
export const TrainingState = z.object({
  state: z.enum(['off', 'due', 'running', 'waiting', 'trained', 'failed']),
  reason: z.string().describe('one sentence for a person; what it waits for, and what may be done about it'),
  at: z.number().describe('since when'),
});
export type TrainingState = z.output<typeof TrainingState>;

/** What all may know of the acting scaler's latest look around. */
export const ScalingView = z.object({
  at: z.number(),
  by: z.string(),
  training: TrainingState.optional(),
  memory: z.object({ wall: z.string(), budgetMb: z.number(), usedMb: z.number(), usedPercent: z.number(), decidingPercent: z.number() }).optional(),
  forecasts: z.array(UsedForecast.extend({ at: z.number(), observed: z.number() })),
  champions: z.array(z.object({ series: z.string(), lookAheadMs: z.number(), model: z.string(), since: z.number().optional(), records: z.array(z.object({ model: z.string(), error: z.number().nullable(), under: z.number().nullable(), weight: z.number(), benchedSince: z.number().optional() })) })),
  platforms: z.array(z.object({ name: z.string(), unit: z.string(), rssMb: z.number().optional(), priority: z.number(), freedMb: z.number().optional(), wait: z.string().optional().describe('what a shed platform waits for'), returnsAt: z.number().optional().describe('about when it returns if memory allows') })),
});
export type ScalingView = z.output<typeof ScalingView>;

/** `GET /v1/platforms/:name/why` */
export const PlatformWhy = z.object({ platform: z.string(), state: z.string(), why: z.string().describe('one sentence for a person'), decision: ScalingDecision.optional() });
export type PlatformWhy = z.output<typeof PlatformWhy>;
