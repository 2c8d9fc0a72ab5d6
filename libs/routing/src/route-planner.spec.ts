import { RouteTable } from '@conductor/contracts';
import { InvalidRule, RoutePlanner } from './index';

const plannerWith = (rules: unknown[]) => {
  const planner = new RoutePlanner('brain');
  planner.use(RouteTable.parse(rules));
  return planner;
};
const message = { source: 'discord', kind: 'message', content: 'play a song' };

const rules = [
  { id: 'commands', match: { kind: ['command'] }, target: 'stubs' },
  { id: 'music', match: { content: 'song' }, target: 'voice', fallbacks: ['android', 'voice'] },
  { id: 'all-of-discord', match: { source: ['discord'] }, target: 'discord' },
  { id: 'from-twitch', match: { source: ['twitch'] }, target: 'twitch' },
];

describe('the route planner', () => {
  it('takes the first rule that matches, with its fallbacks', () => {
    expect(plannerWith(rules).plan(message)).toEqual({ rule: 'music', target: 'voice', fallbacks: ['android'] });
  });

  it('goes to the default where no rule matches, and where there are none', () => {
    const byDefault = { rule: 'default', target: 'brain', fallbacks: [] };

    expect(plannerWith(rules).plan({ ...message, source: 'voice', content: 'hello' })).toEqual(byDefault);
    expect(plannerWith([]).plan(message)).toEqual(byDefault);
  });

  it('goes where the message says itself, whatever the rules say', () => {
    expect(plannerWith(rules).plan({ ...message, target: 'android' })).toEqual({ rule: 'explicit-target', target: 'android', fallbacks: [] });
  });

  it('decides by the time it is given', () => {
    const planner = plannerWith([{ id: 'at-night', match: { time: { from: '22:00', to: '06:00' } }, target: 'android' }]);

    expect(planner.plan(message, new Date('2026-03-02T23:00:00Z')).rule).toBe('at-night');
    expect(planner.plan(message, new Date('2026-03-02T12:00:00Z')).rule).toBe('default');
  });

  it('explains every rule that did not win, in order', () => {
    expect(plannerWith(rules).explain(message)).toEqual({
      plan: { rule: 'music', target: 'voice', fallbacks: ['android'] },
      notMatched: [
        { rule: 'commands', why: 'kind is message, not command' },
        { rule: 'all-of-discord', why: 'it matches too, but music stands before it' },
        { rule: 'from-twitch', why: 'source is discord, not twitch' },
      ],
    });
  });

  it('explains every rule where none wins, and where the message names its target', () => {
    const planner = plannerWith(rules);

    const byDefault = planner.explain({ ...message, source: 'voice', content: 'hello' });
    expect(byDefault.plan.rule).toBe('default');
    expect(byDefault.notMatched.map(({ rule }) => rule)).toEqual(rules.map(({ id }) => id));

    const explicit = planner.explain({ ...message, target: 'android' });
    expect(explicit.notMatched).toEqual(rules.map(({ id }) => ({ rule: id, why: 'the request names its target itself' })));
  });

  it.each(['discord', 'twitch', 'voice'])('explains for %s just what it would do', (source) => {
    const planner = plannerWith(rules);
    const given = { ...message, source, content: 'hello' };

    expect(planner.explain(given).plan).toEqual(planner.plan(given));
  });

  it('keeps the rules it has when new ones cannot be used', () => {
    const planner = plannerWith(rules);

    const replace = () => planner.use(RouteTable.parse([{ id: 'fine', target: 'android' }, { id: 'broken', match: { content: '(' }, target: 'android' }]));

    expect(replace).toThrow(InvalidRule);
    expect(replace).toThrow(/^rule broken: /);
    expect(planner.plan(message).rule).toBe('music');
  });
});
