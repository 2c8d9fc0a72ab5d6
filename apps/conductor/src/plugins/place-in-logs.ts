const MOST_HOSTS = 50;

/**
 * How far somebody has read the logs of a plugin, host by host: each counts its own lines. As text it is the id of a server-sent event, e.g.
 * `plugin-host-1f:812,plugin-host-9c:40`, with which a reader goes on where it was.
 */
export class PlaceInLogs {
  private readonly positions = new Map<string, number>();

  /** @param text as an earlier stream gave it @returns undefined when it is none of ours: then reading begins anew */
  static from(text: string | undefined): PlaceInLogs | undefined {
    const entries = (text ?? '').split(',').map((entry) => /^([\w.-]{1,100}):(\d{1,15})$/.exec(entry));
    if (entries.some((entry) => entry === null)) return undefined;
    const place = new PlaceInLogs();
    for (const [, host, position] of entries as RegExpExecArray[]) place.reached(host!, Number(position));
    return place;
  }

  /** 0 for a host that was not read yet. */
  of(host: string): number {
    return this.positions.get(host) ?? 0;
  }

  reached(host: string, position: number): void {
    // The last is the one that was read last: when there are too many, the first is gone for the longest time.
    this.positions.delete(host);
    this.positions.set(host, position);
    if (this.positions.size > MOST_HOSTS) this.positions.delete(this.positions.keys().next().value!);
  }

  toString(): string {
    return [...this.positions].map(([host, position]) => `${host}:${position}`).join(',');
  }
}
