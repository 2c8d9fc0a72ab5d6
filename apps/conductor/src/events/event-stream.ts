import { ControlNotice } from '@conductor/contracts';
import type { Notices } from '@conductor/control';
import { filter, interval, map, merge, Observable } from 'rxjs';

/** What Nest writes as one server-sent event. */
export interface StreamEvent {
  id?: string;
  type: string;
  data: object;
}

const BEAT_MS = 15_000;
/** Of use inside only, and many. */
const INTERNAL = new Set<string>(['plugin-wish', 'start-permit', 'keys']);
/** What callers may ask for. */
export const EVENT_TYPES = ControlNotice.options.map(({ shape }) => shape.type.value).filter((type) => !INTERNAL.has(type));

/** Keeps proxies from closing the line. */
export const withBeats = (events: Observable<StreamEvent>): Observable<StreamEvent> => merge(events, interval(BEAT_MS).pipe(map(() => ({ type: 'beat', data: { at: Date.now() } }))));

/** Everything that is announced, as server-sent events. */
export const eventStream = (notices: Notices, types?: ReadonlySet<string>): Observable<StreamEvent> => {
  const announced = new Observable<ControlNotice>((subscriber) => notices.onAny((notice) => subscriber.next(notice)));
  return withBeats(
    announced.pipe(
      filter(({ type }) => !INTERNAL.has(type) && (!types || types.has(type))),
      map((notice, position) => ({ id: String(position + 1), type: notice.type, data: notice })),
    ),
  );
};
