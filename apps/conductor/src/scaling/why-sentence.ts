import type { DesiredState, PlatformView, ScalingDecision, ScalingView } from '@conductor/contracts';

export interface Known {
  readonly platform: PlatformView;
  readonly desired: DesiredState | undefined;
  readonly scaling: ScalingView | undefined;
  /** The decision that shed it, or the latest one about it. */
  readonly decision: ScalingDecision | undefined;
  readonly now: number;
}

/** One sentence for a person: why a platform is as it is. Times are those of this machine. */
export const whySentence = (known: Known): string => {
  const { platform, desired } = known;
  const { name, state, reason, since } = platform;
  const sinceThen = since > 0 ? ` since ${clock(since, known.now)}` : '';
  switch (state) {
    case 'suspended':
      return desired?.suspended ? shedSentence(known, desired.suspended) : `${name} is off: ${reason}`;
    case 'disabled':
      return `${name} is off since ${clock(desired?.at ?? since, known.now)} because an operator wished so (${reason}); it stays off until someone enables it`;
    case 'ready':
      return `${name} is running${sinceThen}: ${reason}${memoryOf(known)}${poolOf(platform)}${pinnedOf(platform)}${latelyOf(known)}`;
    case 'degraded':
      return `${name} is running${sinceThen}, but not well: ${reason}${memoryOf(known)}${poolOf(platform)}${latelyOf(known)}`;
    case 'registered':
    case 'starting':
    case 'recovering':
      return `${name} is on its way${sinceThen}: ${reason}`;
    case 'failed':
      return `${name} does not work${sinceThen}: ${reason}; it is tried again by itself, and POST /v1/platforms/${name}/restart tries at once`;
    case 'needs-attention':
      return `${name} does not work${sinceThen} and waits for a person: ${reason}; once that is mended, POST /v1/platforms/${name}/restart starts it`;
  }
};

const shedSentence = ({ platform: { name }, scaling, decision, now }: Known, suspended: NonNullable<DesiredState['suspended']>): string => {
  const view = scaling?.platforms.find((each) => each.name === name);
  const companions = (decision?.platforms ?? []).filter((other) => other !== name);
  const freed = suspended.freedMb ?? decision?.measured?.freedMb;
  const took = freed === undefined ? `what it gives back is being measured` : `${companions.length > 0 ? `with ${companions.join(', ')}, which share its process, ` : ''}it took ${megabytes(freed)}`;
  // By the policy of now; what was written down then is all there is while no scaler looks.
  const when = view?.wait ?? suspended.returnsWhen;
  const about = view?.returnsAt === undefined ? '' : `, about ${clock(Math.max(view.returnsAt, now), now)}`;
  const returns = when === undefined ? 'it returns when memory allows' : `it returns when ${when}${about}`;
  return `${name} is off since ${clock(suspended.since, now)} because ${suspended.reason.replace(/^shed because /, '')}; ${took}; ${returns}`;
};

const memoryOf = ({ platform: { name }, scaling }: Known): string => {
  const view = scaling?.platforms.find((each) => each.name === name);
  if (view?.rssMb === undefined) return '';
  const sharers = scaling!.platforms.filter(({ unit, name: other }) => unit === view.unit && other !== name).map(({ name: other }) => other);
  return `; its process takes ${megabytes(view.rssMb)}${sharers.length > 0 ? `, shared with ${sharers.join(', ')}` : ''}`;
};

const pinnedOf = ({ pinned }: PlatformView): string => (pinned ? '; it is pinned, so the scaler never sheds it' : '');

const poolOf = ({ wished: { poolSize } }: PlatformView): string =>
  poolSize === undefined ? '' : `; its plugin is given ${poolSize === 1 ? 'one sandboxed process' : `${poolSize} sandboxed processes`} a host while there is work`;

/** What the scaler did to it is worth telling for an hour. */
const latelyOf = ({ decision, now }: Known): string => {
  if (!decision || now - decision.at >= 3_600_000) return '';
  const at = clock(decision.at, now);
  if (decision.kind === 'restore') return `; the scaler brought it back at ${at}`;
  return decision.kind === 'scale-up' || decision.kind === 'scale-down' ? `; at ${at} the scaler decided: ${decision.reason}` : '';
};

const megabytes = (mb: number): string => `${Math.round(mb).toLocaleString('en-US')} MB`;

/** `14:02`, with the day where it is another one. */
const clock = (at: number, now: number): string => {
  const [then, today] = [new Date(at), new Date(now)];
  const time = then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return then.toDateString() === today.toDateString() ? time : `${then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`;
};
