import { until } from '@conductor/testing';
import type { System } from './system';

export interface StreamedEvent {
  id?: string | undefined;
  type: string;
  data: Record<string, unknown>;
}

/** Listens to the conductor's server-sent events, as a console would. */
export class EventStream {
  readonly events: StreamedEvent[] = [];
  private rest = '';

  private constructor(
    private readonly connection: AbortController,
    readonly contentType: string | null,
  ) {}

  static open(system: System, types?: string): Promise<EventStream> {
    return EventStream.at(system, `/v1/events${types === undefined ? '' : `?types=${types}`}`);
  }

  /** @param path of any door of the conductor that streams @param lastEventId where an earlier reader was */
  static async at(system: System, path: string, lastEventId?: string): Promise<EventStream> {
    const connection = new AbortController();
    const headers = { authorization: `Bearer ${system.key}`, accept: 'text/event-stream', ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
    const response = await fetch(`${system.url('conductor')}${path}`, { signal: connection.signal, headers });
    const stream = new EventStream(connection, response.headers.get('content-type'));
    void stream.read(response.body!);
    return stream;
  }

  /** The next event that is or comes, and passes. */
  next(passes: (event: StreamedEvent) => boolean, timeoutMs = 10_000): Promise<StreamedEvent> {
    return until(() => {
      const event = this.events.find(passes);
      if (!event) throw new Error(`no such event among ${JSON.stringify(this.events)}`);
      return event;
    }, timeoutMs);
  }

  close(): void {
    this.connection.abort();
  }

  private async read(body: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) this.take(decoder.decode(chunk, { stream: true }));
    } catch {
      // Closed here or there: what came is kept.
    }
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
      if (fields['data']) this.events.push({ id: fields['id'], type: fields['event'] ?? 'message', data: JSON.parse(fields['data']) as StreamedEvent['data'] });
    }
  }
}
