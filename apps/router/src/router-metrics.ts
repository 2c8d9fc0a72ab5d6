import type { QueueProducer, ReplyInbox } from '@conductor/bus';
import type { inboundQueue } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import type { BreakerBoard } from '@conductor/resilience';
import type { Ingress } from './requests/ingress';

const POSITIONS = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Rate, errors and duration per platform as this router sees them; breaker positions; what it holds. */
export const routerMetrics = ({ metrics }: AppContext, { breakers, ingress, inbox, inbound }: { breakers: BreakerBoard; ingress: Ingress; inbox: ReplyInbox; inbound: QueueProducer<typeof inboundQueue> }) => {
  const outcomes = metrics.counter('router_outcomes_total', 'Messages by platform and how an attempt ended', ['platform', 'result']);
  const queued = metrics.histogram('router_queued_seconds', 'Time between being sent and being taken up', ['platform']);
  const took = metrics.histogram('router_platform_seconds', 'Time the platform itself took', ['platform']);
  inbox.observe(({ platform, outcome, queuedMs, platformMs }) => {
    outcomes.inc({ platform, result: outcome.result });
    queued.observe({ platform }, queuedMs / 1_000);
    took.observe({ platform }, platformMs / 1_000);
  });
  metrics.gauge('router_requests_in_flight', 'Requests this router holds', [], (gauge) => gauge.set(ingress.held));
  metrics.gauge('router_inbound_jobs', 'Jobs in the inbound queue', ['state'], async (gauge) => {
    const counts = await inbound.counts().catch(() => undefined);
    if (counts) for (const state of ['waiting', 'active', 'delayed'] as const) gauge.set({ state }, counts[state]);
  });
  metrics.gauge('router_breaker_position', '0 closed, 1 half-open, 2 open', ['platform', 'operation'], (gauge) => {
    gauge.reset();
    for (const { platform, operation, position } of breakers.states()) gauge.set({ platform, operation }, POSITIONS[position]);
  });
};
