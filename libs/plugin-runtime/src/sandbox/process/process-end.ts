import type { IncidentKind } from '../incidents';

/** How a process ended. */
export interface ProcessEnd {
  readonly kind: IncidentKind | 'stopped';
  /** For a person. */
  readonly reason: string;
  readonly at: number;
}

/** What is known of a process that ended unasked. */
export interface Traces {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly spawnError: Error | undefined;
  /** The kernel ended something of it for its memory. */
  readonly memoryKills: number;
  /** The last it wrote. */
  readonly words: string | undefined;
  readonly memoryMb: number;
}

export const explainEnd = ({ code, signal, spawnError, memoryKills, words, memoryMb }: Traces): Omit<ProcessEnd, 'at'> => {
  if (spawnError) return { kind: 'start-failed', reason: `its process could not be started: ${spawnError.message}` };
  if (memoryKills > 0 || /heap out of memory|Array buffer allocation failed/.test(words ?? '')) {
    return { kind: 'memory', reason: `its process ended: it wanted more than the ${memoryMb} MB that its manifest allows` };
  }
  const how = signal ? `by ${signal}` : `with code ${code}`;
  return { kind: 'ended', reason: `its process ended by itself, ${how}${words === undefined ? '' : `: ${words}`}` };
};
