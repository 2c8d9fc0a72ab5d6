import { join } from 'node:path';
import { runResolverCases } from './resolver-cases';

const results = runResolverCases(join(__dirname, 'fixtures'));

it.each(results.map((result) => [result.name, result] as const))('%s', (_, { verdict, detail }) => {
  expect([verdict, verdict === 'as expected' ? '' : detail]).toEqual(['as expected', '']);
  // A refusal names everybody that the case says is in conflict.
  expect(detail).not.toContain('without naming');
});

it('runs all cases', () => expect(results).toHaveLength(7));
