import { PluginHealth } from '@conductor/contracts';
import { orAborted } from './process/or-aborted';
import type { SandboxProcess } from './process/sandbox-process';

/** It is kept in Redis and sent around with each check. */
const MAX_REASON = 500;
const MAX_DETAILS_BYTES = 2_048;

/** What a plugin says of its health, cut to what a person reads. */
const boundedHealth = ({ status, reason, details }: PluginHealth): PluginHealth => ({
  status,
  ...(reason !== undefined && { reason: reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON).toWellFormed()} …` : reason }),
  ...(details !== undefined && (Buffer.byteLength(JSON.stringify(details)) <= MAX_DETAILS_BYTES ? { details } : { details: { cut: `its details had more than ${MAX_DETAILS_BYTES} bytes` } })),
});

/** From well to worst. */
export const SEVERITY = ['ok', 'degraded', 'failed', 'needs-attention'];

/** What a process says of its health, or why it does not. */
export const askHealth = async (process: SandboxProcess, signal: AbortSignal): Promise<PluginHealth> => {
  try {
    const health = PluginHealth.safeParse(await orAborted(process.link.call('health', {}, signal), signal));
    return health.success ? boundedHealth(health.data) : { status: 'failed', reason: 'its health check answered with something that is no health' };
  } catch (error) {
    return { status: 'failed', reason: signal.aborted ? 'its health check gave no answer in time' : error instanceof Error ? error.message : String(error) };
  }
};
