/** Where the newest token of a fenced lease is kept; beside the desired states, also in a cluster, so that one script sees both. */
export const fenceKey = (namespace: string, name: string): string => `{${namespace}:desired}:fence:${name}`;

/** What a holder writes under. */
export interface Fence {
  /** Name of the lease. */
  readonly name: string;
  readonly token: number;
}

/** Another holder has taken over; whatever the older one still wants does not count. */
export class FencedOff extends Error {
  override readonly name = 'FencedOff';

  constructor({ name, token }: Fence) {
    super(`the lease "${name}" has a newer holder than number ${token}; this one's wishes are refused`);
  }
}
