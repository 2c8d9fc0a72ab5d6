import { since } from './totals';

describe('what came since the check before', () => {
  it.each([
    ['is the difference', { requests: 10, errors: 2 }, { requests: 15, errors: 3 }, false, { requests: 5, errors: 1 }],
    ['is everything at the first check', undefined, { requests: 15, errors: 3 }, false, { requests: 15, errors: 3 }],
    ['is nothing that another monitor may have counted', undefined, { requests: 15, errors: 3 }, true, { requests: 0, errors: 0 }],
    ['is everything when the instance counts anew', { requests: 10, errors: 2 }, { requests: 4, errors: 0 }, false, { requests: 4, errors: 0 }],
  ])('%s', (_, before, now, inherited, expected) => {
    expect(since(before, now, inherited)).toEqual(expected);
  });
});
