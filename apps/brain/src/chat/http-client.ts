import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch, type RequestInit, type Response } from 'undici';

/** Much larger than any answer that a person reads. */
const MAX_BODY_BYTES = 1_048_576;
const CONNECT_MS = 10_000;
/** Servers (uvicorn: vLLM, LiteLLM) close what idles after 5 s. */
const KEEP_ALIVE_MS = 4_000;
/** How long an answer may take is for the caller's signal to say; undici itself would give up after five minutes. */
const OPTIONS = { connect: { timeout: CONNECT_MS }, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS } as const;
/** Ways in which a connection that had been idle turns out to be closed. */
const STALE = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/i;

/** A body that goes on and on. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

export interface Answered {
  response: Response;
  body: string;
}

/** HTTP to one server: through the proxy that the environment names, except to this machine. */
export class HttpClient {
  private readonly kept: Dispatcher;
  /** Without pipelining, undici keeps no connection. */
  private readonly fresh: Dispatcher;

  constructor(url: URL) {
    const isLocal = LOOPBACK.test(url.hostname);
    const open = (options: Agent.Options) => (isLocal ? new Agent(options) : new EnvHttpProxyAgent(options));
    this.kept = open(OPTIONS);
    this.fresh = open({ ...OPTIONS, pipelining: 0 });
  }

  /**
   * Asks, and once more on a fresh connection where the kept one had been closed by the far end before it answered.
   * @throws BodyTooLarge, the signal's reason, and what `fetch` throws
   */
  async ask(url: URL, init: RequestInit, signal: AbortSignal): Promise<Answered> {
    try {
      return await once(this.kept, url, init, signal);
    } catch (error) {
      if (signal.aborted || !isStale(error)) throw error;
      return once(this.fresh, url, init, signal);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.kept.destroy(), this.fresh.destroy()]);
  }
}

const once = async (dispatcher: Dispatcher, url: URL, init: RequestInit, signal: AbortSignal): Promise<Answered> => {
  const response = await fetch(url, { ...init, signal, dispatcher });
  try {
    return { response, body: await readBounded(response) };
  } catch (error) {
    // It had begun to answer: that is no stale connection.
    throw error instanceof BodyTooLarge ? error : new Error(`its answer broke off: ${(error as Error).message}`);
  }
};

const isStale = (error: unknown): boolean => {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code !== undefined && STALE.has(cause.code);
};

/** As UTF-8, without a byte order mark. */
const readBounded = async ({ body }: Response): Promise<string> => {
  if (!body) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early lets go of the connection.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new BodyTooLarge(`the answer has more than ${MAX_BODY_BYTES / 1_048_576} MiB`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
};
