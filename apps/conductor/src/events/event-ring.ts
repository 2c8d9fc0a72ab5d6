import { escapedJson } from '@conductor/config';
import { Observable } from 'rxjs';
import type { StreamEvent } from './stream-event';

const MAX_EVENTS = 5_000;
const MAX_BYTES = 512 * 1024;
/** An `EventSource` comes back after this time. */
const RETRY_MS = 2_000;

interface Kept {
  position: number;
  type: string;
  /** JSON. */
  text: string;
}

/**
 * The latest events, each with its place in the order of this process, so that a reader who was away gets what it missed. An id reads
 * `<process>:<position>`. What cannot be handed in later is told by one event `gap`: then whoever keeps a picture reads it anew.
 */
export class EventRing {
  private kept: Kept[] = [];
  private bytes = 0;
  private position = 0;
  private readonly readers = new Set<(event: Kept) => void>();

  /** @param origin names this process: positions of another one mean nothing here */
  constructor(private readonly origin: string) {}

  /** @param data is sent as JSON */
  add(type: string, data: object): void {
    const event: Kept = { position: ++this.position, type, text: escapedJson(JSON.stringify(data)) };
    this.kept.push(event);
    this.bytes += event.text.length;
    let gone = 0;
    while (this.kept.length - gone > MAX_EVENTS || this.bytes > MAX_BYTES) this.bytes -= this.kept[gone++]!.text.length;
    if (gone > 0) this.kept = this.kept.slice(gone);
    for (const read of this.readers) read(event);
  }

  /** The id with which a reader who has seen everything goes on. */
  get place(): string {
    return `${this.origin}:${this.position}`;
  }

  /**
   * Something at once, then what was missed since `lastEventId`, then what comes.
   * @param types picks some; without it all. A `gap` comes in any case.
   */
  read(lastEventId: string | undefined, types: ReadonlySet<string> | undefined): Observable<StreamEvent> {
    return new Observable((subscriber) => {
      const wanted = ({ type }: Kept) => type === GAP || !types || types.has(type);
      const send = (event: Kept) => {
        if (wanted(event)) subscriber.next({ id: `${this.origin}:${event.position}`, type: event.type, data: event.text });
      };
      const { from, gap } = this.placeOf(lastEventId);
      if (gap === undefined) subscriber.next({ id: `${this.origin}:${from}`, retry: RETRY_MS, comment: 'connected' });
      else {
        subscriber.next({ comment: 'connected' });
        subscriber.next({ id: this.place, retry: RETRY_MS, type: GAP, data: { reason: gap } });
      }
      for (const event of this.kept) if (event.position > from) send(event);
      this.readers.add(send);
      return () => void this.readers.delete(send);
    });
  }

  /** After which position to go on. */
  private placeOf(lastEventId: string | undefined): { from: number; gap?: string } {
    const now = { from: this.position };
    if (lastEventId === undefined || lastEventId === '') return now;
    const [, origin, digits] = /^(.*):(\d{1,15})$/.exec(lastEventId) ?? [];
    const from = Number(digits);
    if (origin !== this.origin || from > this.position) return { ...now, gap: 'the id is of another process: the conductor was started again since, or another one took over' };
    const oldest = this.kept[0]?.position ?? this.position + 1;
    if (from < oldest - 1) return { ...now, gap: 'the id is too old: more has happened since than is kept here' };
    return { from };
  }
}

/** Events are missing: those who follow the state read it anew. */
export const GAP = 'gap';
