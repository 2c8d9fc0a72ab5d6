import { RouteRule } from '@conductor/contracts';
import { compileRule, InvalidRule, type Matchable } from './rule-matcher';

const message = (more: Partial<Matchable> = {}): Matchable => ({ source: 'discord', kind: 'message', content: 'good morning', ...more });
const ruleFor = (match: unknown) => RouteRule.parse({ id: 'the-rule', match, target: 'brain' });
const mismatch = (match: unknown, given: Matchable, at = new Date('2026-03-04T12:00:00Z')) => compileRule(ruleFor(match)).mismatch(given, at);

describe('a route rule', () => {
  it.each<[string, unknown, Partial<Matchable>]>([
    ['everything when it asks for nothing', {}, {}],
    ['one of several sources', { source: ['twitch', 'discord'] }, {}],
    ['one of several kinds', { kind: ['command', 'message'] }, {}],
    ['one of several users', { user: ['ann', 'bob'] }, { user: 'bob' }],
    ['a pattern found anywhere in the text', { content: 'mor+ning$' }, {}],
    ['a pattern found in the text of an object', { content: '^hi' }, { content: { text: 'hi there', emotion: 'glad' } }],
    ['a pattern that ignores case', { content: '(?i)GOOD' }, {}],
    ['a pattern over letters beyond ASCII', { content: '^\\p{Lu}.*ß$' }, { content: 'Öfter mal Spaß' }],
    ['an object without text where the pattern finds the empty text', { content: '^$' }, { content: { image: 'x' } }],
    ['what meets every part of it', { source: ['discord'], kind: ['message'], user: ['ann'], content: 'good', time: { from: '11:00', to: '13:00' } }, { user: 'ann' }],
  ])('takes %s', (_, match, given) => {
    expect(mismatch(match, message(given))).toBeUndefined();
  });

  it.each<[string, unknown, Partial<Matchable>, string]>([
    ['another source', { source: ['twitch', 'voice'] }, {}, 'source is discord, not twitch or voice'],
    ['another kind', { kind: ['command'] }, {}, 'kind is message, not command'],
    ['another user', { user: ['ann'] }, { user: 'bob' }, 'user is bob, not ann'],
    ['a message without a user where one is asked for', { user: ['ann'] }, {}, 'user is not given, not ann'],
    ['a text without the pattern', { content: '^night' }, {}, 'the content does not match ^night'],
    ['an object whose other fields have the pattern', { content: 'good' }, { content: { title: 'good' } }, 'the content does not match good'],
    ['the wrong time', { time: { from: '13:00', to: '14:00' } }, {}, 'the time 2026-03-04T12:00:00.000Z is outside of its window'],
    ['what misses a single part of it', { source: ['discord'], kind: ['command'] }, {}, 'kind is message, not command'],
  ])('leaves %s, and says so', (_, match, given, why) => {
    expect(mismatch(match, message(given))).toBe(why);
  });

  // In a backtracking engine each of these takes longer than the universe is old.
  it.each(['(a+)+$', '(a|aa)+$', '(.*a){20}$', '^(([a-z])+.)+[A-Z]([a-z])+$'])('is not held up by the catastrophic pattern %s', (content) => {
    expect(mismatch({ content }, message({ content: `${'a'.repeat(16_383)}!` }))).toBe(`the content does not match ${content}`);
  });

  it('searches the first 16384 characters of a long text', () => {
    expect(mismatch({ content: 'b' }, message({ content: `${'a'.repeat(16_383)}b` }))).toBeUndefined();
    expect(mismatch({ content: 'b' }, message({ content: `${'a'.repeat(16_384)}b` }))).toBe('the content does not match b');
  });

  it.each([
    ['an unclosed group', { content: '(open' }, /^rule the-rule: its content pattern "\(open" cannot be used: .*missing/],
    ['a look-behind, which RE2 does not have', { content: '(?<=a)b' }, /content pattern "\(\?<=a\)b" cannot be used/],
    ['a back reference, which RE2 does not have', { content: '(a)\\1' }, /content pattern .* cannot be used/],
    ['a time zone that is not there', { time: { timezone: 'Mars/Olympus_Mons' } }, /^rule the-rule: its time cannot be used: .*Mars\/Olympus_Mons/],
  ])('with %s is refused by name', (_, match, why) => {
    const compile = () => compileRule(ruleFor(match));

    expect(compile).toThrow(InvalidRule);
    expect(compile).toThrow(why);
  });
});
