import { inWords, unwantedAll } from './wishes';

const desired = (states: Record<string, object>) => Object.fromEntries(Object.entries(states).map(([platform, state]) => [platform, JSON.stringify({ platform, enabled: true, ...state })]));
const suspended = { suspended: { reason: 'RAM at 86 %', since: 1 } };

describe('whether anything of a process is wanted', () => {
  it.each<[string, Record<string, object>]>([
    ['nobody ever said anything', {}],
    ['all are wanted', { a: {}, b: {} }],
    ['one is wanted', { a: suspended, b: {} }],
    ['one is not mentioned', { a: suspended }],
  ])('is so when %s', (_, states) => {
    expect(unwantedAll(['a', 'b'], desired(states))).toBeUndefined();
  });

  it('is not when each is suspended or disabled, and is told with the reasons', () => {
    const all = unwantedAll(['a', 'b', 'c', 'd'], desired({ a: suspended, b: suspended, c: { enabled: false, reason: 'on holiday' }, d: { enabled: false } }))!;

    expect(all.map(({ lifecycle }) => lifecycle)).toEqual(['suspended', 'suspended', 'disabled', 'disabled']);
    expect(inWords(all)).toBe('a, b: suspended (RAM at 86 %); c: disabled (on holiday); d: disabled (switched off by an operator)');
  });
});
