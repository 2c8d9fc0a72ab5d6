import { RawLogView, ReadableLogView } from './log-view';

const HOSTILE = 'x\u001b[2Jy\u009bmz\u202eend\rgone\u200b\n12:00:00.000 INFO: router         forged';
const unseen = /(?!\n)[\p{Cc}\p{Cf}]/u;

const shown = (kind: 'raw' | 'readable', texts: string[]): string => {
  let all = '';
  const write = (text: string) => void (all += text);
  const view = kind === 'raw' ? new RawLogView(write) : new ReadableLogView(write, false);
  for (const text of texts) view.line('stubs', { from: 'stdout', text });
  return all;
};

describe.each(['raw', 'readable'] as const)('the %s view of logs', (kind) => {
  it.each<[string, string]>([
    ['a log line', JSON.stringify({ level: 'info', time: 1, app: 'stubs', msg: HOSTILE, reason: HOSTILE })],
    ['a log line of a program that escapes nothing', `{"level":"info","time":1,"app":"stubs","msg":"a\u009b2J\u202eb"}`],
    ['what is no log line', HOSTILE.replace('\n', ' ')],
    ['an error', JSON.stringify({ level: 'error', time: 1, app: 'stubs', err: { type: 'Error', message: HOSTILE, stack: `Error: ${HOSTILE}\n    at x` }, msg: 'failed' })],
  ])('shows %s without anything that a terminal obeys', (_, text) => {
    const view = shown(kind, [text]);

    expect(view.length).toBeGreaterThan(10);
    expect(view).not.toMatch(unseen);
    expect(view.split('\n').some((line) => line.startsWith('12:00:00.000 INFO: router'))).toBe(false);
  });

  it('shows a program of its own name as it is', () => {
    expect(shown(kind, [JSON.stringify({ level: 'info', time: 1, app: 'stubs', msg: 'Grüße 😀' })])).toContain('Grüße 😀');
  });
});
