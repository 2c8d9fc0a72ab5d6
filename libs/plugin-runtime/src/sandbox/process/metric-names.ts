/** Each name is a line at `/metrics` until the process ends, and a series wherever those are kept. */
export const MAX_METRIC_NAMES = 100;

/** The names under which one platform counts and measures, over all its versions and processes. */
export class MetricNames {
  private readonly names = new Set<string>();

  /** @returns false when the name is a new one and there are enough */
  admit(name: string): boolean {
    if (this.names.has(name)) return true;
    if (this.names.size >= MAX_METRIC_NAMES) return false;
    this.names.add(name);
    return true;
  }
}
