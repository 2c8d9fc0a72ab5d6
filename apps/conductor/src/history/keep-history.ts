import type { HistoryFeed, Notices, PlatformDirectory } from '@conductor/control';

/** Writes down what is announced. Only the active conductor does, so that each change stands there once. */
export const keepHistory = (notices: Notices, history: HistoryFeed, directory: PlatformDirectory, isActive: () => boolean): void => {
  const positions = new Map<string, string>();
  notices.on('breaker', ({ breaker: { platform, operation, router, position, reason } }) => {
    const key = `${router}/${platform}/${operation}`;
    const from = positions.get(key) ?? 'closed';
    positions.set(key, position);
    if (isActive() && from !== position) history.add('breaker-transition', { at: Date.now(), platform, operation, router, from, to: position, reason });
  });
  directory.desired.onChange((platform, after, before) => {
    const [from, to] = [before, after].map((desired) => (desired === undefined ? 'unknown' : desired.enabled ? (desired.suspended ? 'wanted: suspended' : 'wanted: enabled') : 'wanted: disabled'));
    if (isActive() && before && from !== to) history.add('platform-transition', { at: after.at, platform, from: from!, to: to!, reason: after.reason ?? after.suspended?.reason ?? 'an operator’s wish' });
  });
};
