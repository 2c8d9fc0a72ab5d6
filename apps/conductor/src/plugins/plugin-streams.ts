import { PluginLogs, PluginResources } from '@conductor/contracts';
import { Problem } from '@conductor/http';
import { concat, concatMap, defer, finalize, from, ignoreElements, map, type Observable, of, repeat, timer } from 'rxjs';
import { withHeartbeats } from '../events/event-stream';
import type { StreamEvent } from '../events/stream-event';
import { PlaceInLogs } from './place-in-logs';
import type { PluginDesk } from './plugin-desk';

const LOOK_MS = 500;
const FIGURES_MS = 2_000;
const LINES_AT_ONCE = 1_000;
/** Each asks the plugin-hosts again and again. */
const MOST_READERS = 100;

/** What plugins write and use, as server-sent events. A reader that goes is asked for no more; one that does not read is cut off by Nest. */
export class PluginStreams {
  private readers = 0;

  constructor(private readonly desk: PluginDesk) {}

  /**
   * Events `log` (a line, with its host), `gap` (lines were pushed out before they could be read), `waiting` (nobody can be asked now).
   * @param limit of the lines that are there already, so many of the newest; all that came since, when the reader says where it was
   * @throws Problem when nothing can be read now
   */
  async logs(name: string, limit: number, lastEventId: string | undefined): Promise<Observable<StreamEvent>> {
    const known = PlaceInLogs.from(lastEventId);
    const place = known ?? new PlaceInLogs();
    const look = (newest?: number) => this.lines(name, place, newest);
    return (await this.follow(() => look(known ? undefined : limit), look, LOOK_MS)).pipe(map((event) => ({ id: String(place), ...event })));
  }

  /** Events `resources`: all that the polled door shows, whenever it has changed. @throws Problem when nothing can be read now */
  async resources(name: string): Promise<Observable<StreamEvent>> {
    let before = '';
    const look = async (): Promise<StreamEvent[]> => {
      const hosts = (await this.desk.askAll({ do: 'resources', name }, PluginResources)).map(({ host, answer }) => ({ host, ...answer }));
      const now = JSON.stringify(hosts);
      if (now === before) return [];
      before = now;
      // All of it, so there is nothing to go on with: an empty id takes the last one away.
      return [{ id: '', type: 'resources', data: { hosts } }];
    };
    return this.follow(look, look, FIGURES_MS);
  }

  private async lines(name: string, place: PlaceInLogs, newest: number | undefined): Promise<StreamEvent[]> {
    const command = (host: string) => ({ do: 'logs' as const, name, ...(newest === undefined ? { limit: LINES_AT_ONCE, after: place.of(host) } : { limit: newest }) });
    const answers = await this.desk.askAll(command, PluginLogs);
    return answers.flatMap(({ host, answer: { lines, gap, position } }) => {
      const events: StreamEvent[] = gap && place.of(host) > 0 ? [{ type: 'gap', data: { host, reason: 'older lines were pushed out before they could be read here' } }] : [];
      for (const line of lines) {
        place.reached(host, line.position);
        events.push({ id: String(place), type: 'log', data: { host, ...line } });
      }
      place.reached(host, position);
      return events;
    });
  }

  /** The first look decides whether there is a stream at all; from then on whatever is in the way is waited for. */
  private async follow(first: () => Promise<StreamEvent[]>, look: () => Promise<StreamEvent[]>, everyMs: number): Promise<Observable<StreamEvent>> {
    if (this.readers >= MOST_READERS) throw new Problem('overloaded', `${MOST_READERS} readers follow plugins here already. Close one, or ask without "Accept: text/event-stream".`, { retryAfterSeconds: 10 });
    const events = await first();
    let obstacle: string | undefined;
    const again = async (): Promise<StreamEvent[]> => {
      try {
        const more = await look();
        obstacle = undefined;
        return more;
      } catch (error) {
        const reason = error instanceof Problem ? error.detail : String(error);
        if (reason === obstacle) return [];
        obstacle = reason;
        return [{ type: 'waiting', data: { reason } }];
      }
    };
    const later = concat(timer(everyMs).pipe(ignoreElements()), defer(again).pipe(repeat({ delay: everyMs }), concatMap((more) => from(more))));
    return defer(() => {
      this.readers++;
      return withHeartbeats(concat(of<StreamEvent>({ comment: 'connected' }), from(events), later));
    }).pipe(finalize(() => void this.readers--));
  }
}
