import fc from 'fast-check';
import { satisfies } from 'semver';
import type { Release, Wanted } from './release';
import { type Resolution, resolve, resolveInTurns } from './resolve';

const release = (name: string, version: string, dependsOn: Record<string, string> = {}, more: Partial<Release> = {}): Release => ({ name, version, dependsOn, ...more });
const versionsOf = (resolution: Resolution) => (resolution.ok ? Object.fromEntries(resolution.plugins.map(({ name, version }) => [name, version])) : resolution.reason);
const want = (wanted: Record<string, string>): Wanted[] => Object.entries(wanted).map(([name, range]) => ({ name, range }));
const orderIn = (resolution: Resolution) => (resolution.ok ? resolution.plugins.map(({ name }) => name) : []);

describe('chooses', () => {
  it('the newest version that is allowed, and releases before what comes before them', () => {
    const available = ['1.0.0', '1.2.0', '1.10.0', '2.0.0-beta.1'].map((version) => release('a', version));

    expect(versionsOf(resolve(want({ a: '^1.0.0' }), available))).toEqual({ a: '1.10.0' });
    expect(versionsOf(resolve(want({ a: '*' }), available))).toEqual({ a: '1.10.0' });
    expect(versionsOf(resolve(want({ a: '2.0.0-beta.1' }), available))).toEqual({ a: '2.0.0-beta.1' });
  });

  it('a version before a release for others, too, when a person asked for it', () => {
    const available = [release('a', '1.0.0'), release('a', '2.0.0-beta.1'), release('b', '1.0.0', { a: '>=1.0.0' })];

    expect(versionsOf(resolve(want({ a: '2.0.0-beta.1', b: '*' }), available))).toEqual({ a: '2.0.0-beta.1', b: '1.0.0' });
  });

  it('dependencies of dependencies, and starts them first', () => {
    const available = [release('a', '1.0.0', { b: '^1.0.0' }), release('b', '1.0.0', { c: '*' }), release('c', '3.0.0'), release('unused', '1.0.0')];
    const resolution = resolve(want({ a: '*' }), available);

    expect(orderIn(resolution)).toEqual(['c', 'b', 'a']);
    expect(resolution).toMatchObject({ plugins: [{ name: 'c', askedBy: [{ by: 'b', range: '*' }], after: [] }, { name: 'b', after: ['c'] }, { name: 'a', askedBy: [{ by: undefined, range: '*' }], after: ['b'] }] });
  });

  it('an older version where the newest leads nowhere', () => {
    const available = [release('a', '2.0.0', { c: '^2.0.0' }), release('a', '1.0.0', { c: '^1.0.0' }), release('b', '1.0.0', { c: '^1.0.0' }), release('c', '1.5.0'), release('c', '2.0.0')];

    expect(versionsOf(resolve(want({ a: '*', b: '*' }), available))).toEqual({ a: '1.0.0', b: '1.0.0', c: '1.5.0' });
  });

  it('without the newest of several, where only that one needs what is missing', () => {
    const available = [release('a', '2.0.0', { missing: '*' }), release('a', '1.0.0')];

    expect(versionsOf(resolve(want({ a: '*' }), available))).toEqual({ a: '1.0.0' });
  });

  it('what is locked, as long as that is possible', () => {
    const available = [release('a', '1.0.0'), release('a', '1.1.0'), release('b', '1.0.0', { a: '^1.1.0' })];
    const locked = new Map([['a', '1.0.0']]);

    expect(versionsOf(resolve(want({ a: '*' }), available, { locked }))).toEqual({ a: '1.0.0' });
    expect(versionsOf(resolve(want({ a: '*', b: '*' }), available, { locked }))).toEqual({ a: '1.1.0', b: '1.0.0' });
  });

  it('whoever provides a capability that is needed, preferably somebody who is there anyway', () => {
    const available = [
      release('bot', '1.0.0', {}, { needs: ['speech'] }), release('ears', '1.0.0', {}, { provides: ['speech'] }),
      release('mouth', '1.0.0', {}, { provides: ['speech'] }), release('mouth', '2.0.0'),
    ];

    expect(versionsOf(resolve(want({ bot: '*' }), available))).toEqual({ bot: '1.0.0', ears: '1.0.0' });
    expect(versionsOf(resolve(want({ bot: '*', mouth: '*' }), available))).toMatchObject({ bot: '1.0.0', mouth: '2.0.0', ears: '1.0.0' });
    expect(versionsOf(resolve(want({ bot: '*', mouth: '^1.0.0' }), available))).toEqual({ bot: '1.0.0', mouth: '1.0.0' });
    expect(resolve(want({ bot: '*' }), available)).toMatchObject({ plugins: [{ name: 'ears', askedBy: [{ by: 'bot', capability: 'speech' }] }, { name: 'bot', after: ['ears'] }] });
  });

  it('a provider that fits, when the first one does not', () => {
    const available = [
      release('bot', '1.0.0', { c: '^1.0.0' }, { needs: ['speech'] }), release('ears', '1.0.0', { c: '^2.0.0' }, { provides: ['speech'] }),
      release('mouth', '1.0.0', {}, { provides: ['speech'] }), release('c', '1.0.0'), release('c', '2.0.0'),
    ];

    expect(versionsOf(resolve(want({ bot: '*' }), available))).toEqual({ bot: '1.0.0', mouth: '1.0.0', c: '1.0.0' });
  });

  it('versions that wait for each other in no circle', () => {
    const available = [release('a', '1.0.0', { b: '*' }), release('b', '2.0.0', { a: '*' }), release('b', '1.0.0')];

    expect(versionsOf(resolve(want({ a: '*' }), available))).toEqual({ a: '1.0.0', b: '1.0.0' });
  });

  it('another provider where one would close a circle', () => {
    const available = [
      release('bot', '1.0.0', {}, { needs: ['speech'] }), release('ears', '1.0.0', { bot: '*' }, { provides: ['speech'] }), release('mouth', '1.0.0', {}, { provides: ['speech'] }),
    ];

    expect(orderIn(resolve(want({ bot: '*', ears: '*' }), available))).toEqual(['mouth', 'bot', 'ears']);
  });
});

describe('refuses, and says who asks for what', () => {
  it('two that need different versions of a third', () => {
    const available = [release('a', '1.0.0', { c: '^1.0.0' }), release('b', '1.0.0', { c: '^2.0.0' }), release('c', '1.0.0'), release('c', '2.0.0')];

    expect(resolve(want({ a: '*', b: '*' }), available)).toMatchObject({
      ok: false, code: 'conflict', involved: ['a', 'b', 'c'],
      because: expect.arrayContaining(['a is asked for (there is 1.0.0)', 'a 1.0.0 needs c ^1.0.0 (there is 2.0.0, 1.0.0)', 'b 1.0.0 needs c ^2.0.0 (there is 2.0.0, 1.0.0)']),
      argument: expect.arrayContaining([expect.stringMatching(/what is asked for cannot be had together\.$/)]),
    });
  });

  it('what is not there, and versions that are not there', () => {
    expect(resolve(want({ ghost: '^1.0.0' }), [])).toMatchObject({ ok: false, code: 'missing', reason: 'something is missing: ghost ^1.0.0 is asked for, and there is no ghost' });
    expect(resolve(want({ a: '*' }), [release('a', '1.0.0', { ghost: '*' })])).toMatchObject({ ok: false, code: 'missing', because: expect.arrayContaining(['a 1.0.0 needs ghost, and there is no ghost']) });
    expect(resolve(want({ a: '^3.0.0' }), [release('a', '1.0.0')])).toMatchObject({ ok: false, code: 'conflict', because: ['a ^3.0.0 is asked for (there is 1.0.0)'] });
  });

  it('what is there only before a release, and what to do', () => {
    const available = [release('a', '1.0.0-beta.1+build.5')];

    expect(resolve(want({ a: '*' }), available)).toMatchObject({ ok: false, because: ['a is asked for (there is only 1.0.0-beta.1+build.5, before a release: such are taken when a range names one)'] });
    for (const range of ['>=1.0.0-alpha', '1.0.0-beta.1', '1.0.0-beta.1+build.9', '<1 || 1.0.0-beta.1']) expect(versionsOf(resolve(want({ a: range }), available))).toEqual({ a: '1.0.0-beta.1+build.5' });
  });

  it('a capability that nobody provides', () => {
    expect(resolve(want({ bot: '*' }), [release('bot', '1.0.0', {}, { needs: ['speech'] })])).toMatchObject({ ok: false, because: expect.arrayContaining(['bot 1.0.0 needs the capability "speech", which no other plugin here provides']) });
  });

  it('those that wait for each other, with the circle named', () => {
    const available = [release('a', '1.0.0', { b: '*' }), release('b', '1.0.0', { c: '*' }), release('c', '1.0.0', { a: '*' })];

    expect(resolve(want({ b: '*' }), available)).toMatchObject({ ok: false, code: 'cycle', involved: ['a', 'b', 'c'], because: expect.arrayContaining([expect.stringMatching(/a 1\.0\.0 → b 1\.0\.0 → c 1\.0\.0 → a 1\.0\.0 is a circle/)]) });
  });

  it('two that provide for each other', () => {
    const available = [release('a', '1.0.0', {}, { needs: ['x'], provides: ['y'] }), release('b', '1.0.0', {}, { needs: ['y'], provides: ['x'] })];

    expect(resolve(want({ a: '*' }), available)).toMatchObject({ ok: false, code: 'cycle' });
  });

  /** One more pigeon than there are holes. */
  const pigeons = (holes: number) => {
    const available = Array.from({ length: holes + 1 }, (_, n) => Array.from({ length: holes }, (__, hole) => release(`p${n}`, `${hole + 1}.0.0`, { [`h${hole}`]: `${n + 1}.0.0` }))).flat();
    const homes = Array.from({ length: holes }, (_, hole) => Array.from({ length: holes + 1 }, (__, n) => release(`h${hole}`, `${n + 1}.0.0`))).flat();
    return { wanted: Array.from({ length: holes + 1 }, (_, n) => ({ name: `p${n}`, range: '*' })), available: [...available, ...homes] };
  };

  it('what it could not decide in time, without a guess', () => {
    const { wanted, available } = pigeons(9);
    expect(resolve(wanted, available, { maxSteps: 20_000 })).toMatchObject({ ok: false, code: 'gave-up', reason: expect.stringContaining('gave up after') });
  });

  it('the same in turns as in one go, and lets others run between them', async () => {
    for (const [holes, maxSteps] of [[9, 20_000], [4, 100_000]] as const) {
      const { wanted, available } = pigeons(holes);
      let others = 0;
      let going = true;
      const other = () => {
        others++;
        if (going) setImmediate(other);
      };
      setImmediate(other);
      const inTurns = await resolveInTurns(wanted, available, { maxSteps, turnMs: 0 }).finally(() => (going = false));
      expect(inTurns).toEqual(resolve(wanted, available, { maxSteps }));
      expect(others).toBeGreaterThan(10);
    }
  });
});

it('survives names that are special in JavaScript', () => {
  const available = [release('constructor', '1.0.0', { valueOf: '*' }), release('valueOf', '1.0.0')];

  expect(versionsOf(resolve(want({ constructor: '*' }), available))).toEqual({ constructor: '1.0.0', valueOf: '1.0.0' });
});

describe('compared with trying every combination', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e'];
  const range = fc.constantFrom('*', '1.0.0', '2.0.0', '3.0.0', '<=2.0.0', '>=2.0.0', '9.0.0');
  const universe = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(...NAMES), version: fc.constantFrom('1.0.0', '2.0.0', '3.0.0'), dependsOn: fc.dictionary(fc.constantFrom(...NAMES), range, { maxKeys: 3 }),
      provides: fc.subarray(['x', 'y']), needs: fc.subarray(['x', 'y'], { maxLength: 1 }),
    }),
    { selector: ({ name, version }) => `${name}@${version}`, maxLength: 12 },
  );
  const wanted = fc.dictionary(fc.constantFrom(...NAMES), range, { minKeys: 1, maxKeys: 3 });

  const holds = (chosen: readonly Release[], wishes: Record<string, string>): boolean => {
    const has = (name: string, wish: string) => chosen.some((one) => one.name === name && satisfies(one.version, wish));
    return (
      Object.entries(wishes).every(([name, wish]) => has(name, wish)) &&
      chosen.every(({ dependsOn, needs = [] }) => Object.entries(dependsOn).every(([on, wish]) => has(on, wish)) && needs.every((need) => chosen.some(({ provides }) => provides?.includes(need)))) &&
      canStart(chosen)
    );
  };
  /** Some order exists in which each starts after its dependencies and after one provider of each of its needs. */
  const canStart = (chosen: readonly Release[]): boolean => {
    const started: Release[] = [];
    for (let grew = true; grew; ) {
      grew = false;
      for (const one of chosen) {
        const ready = !started.includes(one) && Object.keys(one.dependsOn).every((on) => on === one.name || started.some(({ name }) => name === on)) && (one.needs ?? []).every((need) => one.provides?.includes(need) || started.some(({ provides }) => provides?.includes(need)));
        if (ready) started.push(one);
        grew ||= ready;
      }
    }
    return started.length === chosen.length;
  };
  const anyFits = (available: readonly Release[], wishes: Record<string, string>): boolean => {
    const choose = (at: number, chosen: Release[]): boolean => {
      if (at === NAMES.length) return holds(chosen, wishes);
      return [undefined, ...available.filter(({ name }) => name === NAMES[at])].some((one) => choose(at + 1, one === undefined ? chosen : [...chosen, one]));
    };
    return choose(0, []);
  };

  it('finds a choice exactly when there is one, and what it finds holds', () => {
    fc.assert(
      fc.property(universe, wanted, (available, wishes) => {
        const resolution = resolve(want(wishes), available);
        if (!resolution.ok) return resolution.code !== 'gave-up' && !anyFits(available, wishes) && resolution.because.length > 0;
        const chosen = resolution.plugins.map(({ name, version }) => available.find((one) => one.name === name && one.version === version)!);
        return holds(chosen, wishes) && resolution.plugins.every(({ after }, at) => after.every((name) => resolution.plugins.findIndex((one) => one.name === name) < at));
      }),
      { numRuns: 2_000 },
    );
  });
});
