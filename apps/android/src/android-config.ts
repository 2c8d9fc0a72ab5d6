import { DEFAULT_DEADLINE_MS } from '@conductor/contracts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Numbers of this platform, each with its unit in the name. */
export interface AndroidConfig {
  readonly messagesPerMinute: number;
  readonly accessTokenMs: number;
  readonly refreshTokenMs: number;
  /** Failed logins of one device before it is locked out. */
  readonly loginFailures: number;
  readonly lockOutMs: number;
  /** Entries kept for each user; older ones are forgotten. */
  readonly historyEntries: number;
  /** How long an id is remembered, so that a message that comes twice is recognised. */
  readonly rememberSentMs: number;
  readonly rememberKeptMs: number;
  readonly answerDeadlineMs: number;
  /** A socket that has shown no token must log in within this time. */
  readonly loginFrameMs: number;
  /** A socket that gave no position may still name one within this time, before live messages start. */
  readonly resumeGraceMs: number;
  readonly pingMs: number;
  readonly frameBytes: number;
  /** A socket that leaves more than this unread is closed; its phone comes back and catches up. */
  readonly bufferedBytes: number;
  readonly maxSockets: number;
  /** Of all devices of a user, in one process. */
  readonly socketsPerUser: number;
}

export const androidDefaults: AndroidConfig = {
  messagesPerMinute: 10,
  accessTokenMs: 30 * MINUTE_MS,
  refreshTokenMs: 7 * DAY_MS,
  loginFailures: 5,
  lockOutMs: 15 * MINUTE_MS,
  historyEntries: 1_000,
  rememberSentMs: DAY_MS,
  rememberKeptMs: 7 * DAY_MS,
  answerDeadlineMs: DEFAULT_DEADLINE_MS,
  loginFrameMs: 5_000,
  resumeGraceMs: 250,
  pingMs: 30_000,
  frameBytes: 64 * 1024,
  bufferedBytes: 1024 * 1024,
  maxSockets: 10_000,
  socketsPerUser: 50,
};
