import { gemVersions } from './gem-versions';

it.each([
  ['1.0', '1'], ['1.0.0', '1.0'], ['1.0.a', '1.a'], ['1.0.0-rc1', '1.0.0.pre.rc1'],
])('%s is the same as %s', (a, b) => expect(gemVersions.compare(a, b)).toBe(0));

it('orders versions from the oldest to the newest', () => {
  const sorted = ['0.9', '1.0.0.alpha', '1.0.0.beta', '1.0.0.beta2', '1.0.0', '1.0.0.1', '1.2', '1.10', '2.a', '2'];

  expect([...sorted].reverse().sort((a, b) => gemVersions.compare(a, b))).toEqual(sorted);
});

it.each<[string, string, boolean]>([
  ['1.2.9', '~> 1.2.3', true], ['1.3.0', '~> 1.2.3', false], ['1.9', '~> 1.2', true], ['2.0', '~> 1.2', false], ['2.0', '~> 1', false], ['1.9', '~> 1', true],
  ['1.5', '>= 1.0, < 2', true], ['2.0', '>= 1.0, < 2', false], ['1.4', '!= 1.5', true], ['1.5', '1.5', true], ['1.5.0', '= 1.5', true], ['9', '', true], ['0.1', '>= 0', true],
  ['2.0.beta', '>= 1.0', false], ['2.0.beta', '>= 2.0.beta', true], ['2.0.beta', '~> 2.0.alpha', true], ['2.1.beta1', '~> 2.0.a', true],
])('%s meets "%s": %s', (version, range, meets) => expect(gemVersions.matcher(range, false)(version)).toBe(meets));
