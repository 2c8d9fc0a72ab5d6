import type { RedisConnections } from '@conductor/connections';
import { ControlNotice } from '@conductor/contracts';
import type { Notices } from '@conductor/control';
import { interval, map, merge, type Observable } from 'rxjs';
import { EventRing, GAP } from './event-ring';
import type { StreamEvent } from './stream-event';

const HEARTBEAT_MS = 15_000;
/** Of use inside only, and many. */
const INTERNAL = new Set<string>(['plugin-wish', 'start-permit', 'keys']);
/** What callers may ask for. */
export const EVENT_TYPES = ControlNotice.options.map(({ shape }) => shape.type.value).filter((type) => !INTERNAL.has(type));

/** Characters that may wait for a reader who does not read: more, and its connection is closed. */
export const WAITING = { maxPendingDataLength: 1_048_576 };

/** Keeps proxies from closing the connection, and shows a reader that it stands. @param placeOf the id with which a reader goes on */
export const withHeartbeats = (events: Observable<StreamEvent>, placeOf?: () => string): Observable<StreamEvent> =>
  merge(events, interval(HEARTBEAT_MS).pipe(map((): StreamEvent => ({ ...(placeOf && { id: placeOf() }), comment: 'heartbeat' }))));

/** Everything that is announced, as server-sent events. */
export class Events {
  private readonly ring: EventRing;
  private readonly deafen: () => void;
  private isAway = false;

  constructor(
    notices: Notices,
    private readonly connections: RedisConnections,
    instance: string,
  ) {
    this.ring = new EventRing(instance);
    this.deafen = notices.onAny((notice) => {
      if (!INTERNAL.has(notice.type)) this.ring.add(notice.type, notice);
    });
    connections.subscriber.on('close', this.lose).on('ready', this.regain);
  }

  /** @throws nothing: an id that leads nowhere is answered with an event `gap` */
  stream(lastEventId: string | undefined, types: ReadonlySet<string> | undefined): Observable<StreamEvent> {
    return withHeartbeats(this.ring.read(lastEventId, types), () => this.ring.place);
  }

  close(): void {
    this.deafen();
    this.connections.subscriber.off('close', this.lose).off('ready', this.regain);
  }

  private readonly lose = () => void (this.isAway = true);

  /** What was announced meanwhile was announced to nobody. */
  private readonly regain = () => {
    if (this.isAway) this.ring.add(GAP, { reason: 'Redis was away: what happened meanwhile was not heard here' });
    this.isAway = false;
  };
}
