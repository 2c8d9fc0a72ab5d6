import { EventEmitter } from 'node:events';
import { createLogger } from '@conductor/observability';
import { until } from '@conductor/testing';
import type { WebSocket } from 'ws';
import { androidDefaults } from '../android-config';
import type { History } from '../messages/history';
import type { HistoryItem } from '../messages/history-item';
import type { Sessions } from '../devices/sessions';
import type { FrameHandler } from './frame-handler';
import { PhoneSocket } from './phone-socket';

/** A phone that reads nothing: whatever is sent to it stays in the buffer. */
class DeafPhone extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  isPaused = false;
  bufferedAmount = 0;
  closedWith?: number;
  send(data: string, done?: () => void) {
    this.bufferedAmount += data.length;
    // As with a full network buffer: nobody is told that there is room.
    void done;
  }
  close(code: number) {
    this.closedWith ??= code;
    this.readyState = 2;
  }
  terminate() {
    this.readyState = 3;
    this.emit('close');
  }
  pause() {}
  resume() {}
}

const item = (position: number): HistoryItem => ({ position, type: 'message', id: `m-${position}`, kind: 'message', content: 'x'.repeat(100_000), at: 0 });

const socketOf = async (kept: HistoryItem[]) => {
  const phone = new DeafPhone();
  const logger = createLogger({ app: 'android', level: 'silent' });
  const gone: PhoneSocket[] = [];
  const socket = new PhoneSocket(phone as unknown as WebSocket, {
    sessions: { stands: async () => true, authorise: async () => ({ user: 'ada', device: 'dev-1', session: 's', expiresAt: Date.now() + 60_000 }) } as unknown as Sessions,
    history: { startingPoint: async (_: string, seen = 0) => seen, after: async (_: string, after: number) => kept.filter(({ position }) => position > after) } as unknown as History,
    frames: {} as FrameHandler,
    config: androidDefaults,
    hasRoomFor: () => true,
    logger,
    onAuthorised: () => {},
    onClosed: (closed) => gone.push(closed),
  });
  socket.open('token', 0);
  await until(() => {
    if (!socket.phone) throw new Error('not logged in');
  });
  return { phone, socket, gone };
};

describe('a phone that does not keep up', () => {
  it('is sent away when more than 1 MiB of live messages waits for it', async () => {
    const { phone, socket, gone } = await socketOf([]);
    await new Promise((resolve) => setTimeout(resolve, 5));

    for (let n = 1; n <= 12; n++) socket.offer(item(n));

    expect(phone.closedWith).toBe(1013);
    expect(phone.bufferedAmount).toBeLessThan(1_300_000);
    await until(() => expect(gone).toEqual([socket]));
  });

  it('gets what it missed at its own pace', async () => {
    const { phone, socket } = await socketOf(Array.from({ length: 100 }, (_, n) => item(n + 1)));
    await until(() => expect(phone.bufferedAmount).toBeGreaterThan(100_000));

    for (let n = 101; n <= 120; n++) socket.offer(item(n));

    expect(phone.closedWith).toBeUndefined();
    expect(phone.bufferedAmount).toBeLessThan(200_000);
    phone.terminate();
  });
});
