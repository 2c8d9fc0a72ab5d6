/** What Nest writes as one server-sent event. It makes up an id where there is none, except for what is a comment only. */
export interface StreamEvent {
  id?: string;
  type?: string;
  /** As JSON, if it is no text. */
  data?: object | string;
  comment?: string;
  /** Milliseconds after which an `EventSource` comes back. */
  retry?: number;
}
