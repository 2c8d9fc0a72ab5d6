import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { until } from '@conductor/testing';
import { PluginCatalogue, type CatalogueChange } from './plugin-catalogue';
import { manifestOf, PluginTree } from '../testing/plugin-tree';

let tree: PluginTree;
const open: PluginCatalogue[] = [];
beforeEach(() => (tree = new PluginTree()));
afterEach(async () => {
  for (const catalogue of open.splice(0)) await catalogue.close();
  tree.remove();
});

const look = async (more: { cacheFile?: string } = {}) => {
  const catalogue = await PluginCatalogue.open({ folders: [tree.path('plugins')], nodeModules: [tree.path('node_modules')], ...more });
  open.push(catalogue);
  return catalogue;
};
const seen = ({ list }: PluginCatalogue) => list.map(({ name, version, state }) => `${name}@${version} ${state}`);
const problemsOf = ({ list }: PluginCatalogue) => list.flatMap((one) => ('problems' in one ? one.problems : []));
/** Long ago, so that what is incomplete counts as wrong and not as being written. */
const age = (...paths: string[]) => paths.forEach((path) => utimesSync(path, 1, 1));
/** ctime cannot be set: a clock that is ahead does the same. */
const later = <T>(work: () => Promise<T>): Promise<T> => {
  const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
  return work().finally(() => clock.mockRestore());
};

it('finds plugins in folders, several versions side by side, with and without scope, and those in node_modules', async () => {
  tree.plugin('plugins/telegram', manifestOf('telegram', '1.0.0'));
  tree.plugin('plugins/telegram@1.2.0', manifestOf('telegram', '1.2.0'));
  tree.plugin('plugins/matrix/2.0.0', manifestOf('matrix', '2.0.0'));
  tree.plugin('plugins/matrix/2.1.0', manifestOf('matrix', '2.1.0'));
  tree.plugin('plugins/@acme/irc/3.0.0', manifestOf('@acme/irc', '3.0.0'));
  tree.plugin('node_modules/fax', manifestOf('fax', '4.0.0'));
  tree.plugin('node_modules/@acme/pager', manifestOf('@acme/pager', '5.0.0'));
  tree.write('node_modules/left-pad/package.json', { name: 'left-pad', version: '1.3.0' });
  tree.write('node_modules/broken/package.json', '{');
  tree.write('plugins/README.md', 'not a plugin');
  tree.write('plugins/.git/package.json', '{}');

  const catalogue = await look();

  expect(seen(catalogue)).toEqual(['@acme/irc@3.0.0 valid', '@acme/pager@5.0.0 valid', 'fax@4.0.0 valid', 'matrix@2.0.0 valid', 'matrix@2.1.0 valid', 'telegram@1.0.0 valid', 'telegram@1.2.0 valid']);
  expect(catalogue.find('telegram', '1.2.0')).toMatchObject({ folder: tree.path('plugins/telegram@1.2.0'), source: 'folder' });
  expect(catalogue.find('fax', '4.0.0')).toMatchObject({ source: 'package' });
});

it('runs no code of what it finds', async () => {
  tree.plugin('plugins/evil', manifestOf('evil'), { 'index.js': `require('node:fs').writeFileSync(${JSON.stringify(tree.path('ran'))}, ''); process.exit(1);` });

  expect(seen(await look())).toEqual(['evil@1.0.0 valid']);
  expect(() => chmodSync(tree.path('ran'), 0o600)).toThrow('ENOENT');
});

it('lists a bad one with its error, and hides none of the others', async () => {
  tree.plugin('plugins/good', manifestOf('good'));
  tree.plugin('plugins/unknown-field', manifestOf('unknown-field', '1.0.0', { colour: 'red' }));
  tree.plugin('plugins/wrong-range', manifestOf('wrong-range', '1.0.0', { dependsOn: { good: 'whatever' } }));
  tree.plugin('plugins/no-schema', manifestOf('no-schema', '1.0.0', { config: { type: 'no such type' } }));
  tree.plugin('plugins/plain', { name: 'plain', version: '1.0.0' });
  tree.write('plugins/damaged/package.json', '{"name": ');
  mkdirSync(tree.path('plugins/empty'));

  const { list } = await later(() => look());

  expect(list.filter(({ state }) => state === 'valid')).toHaveLength(1);
  const byFolder = Object.fromEntries(list.map((one) => [one.folder.slice(tree.path('plugins').length + 1), 'problems' in one ? one.problems[0] : undefined]));
  expect(byFolder).toMatchObject({
    good: undefined,
    'unknown-field': { field: 'conductor', message: expect.stringContaining('"colour"') },
    'wrong-range': { field: 'conductor.dependsOn.good' },
    'no-schema': { field: 'conductor.config', message: expect.stringContaining('not a JSON Schema') },
    plain: { field: 'conductor' },
    damaged: { field: '', message: expect.stringContaining('not JSON') },
    empty: { field: '', message: expect.stringContaining('no package.json') },
  });
});

it.each<[string, () => void, RegExp]>([
  ['above the folder', () => tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: '../outside.js' })), /inside of the plugin's folder/],
  ['at an absolute path', () => tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: '/etc/passwd' })), /inside of the plugin's folder/],
  ['behind a symbolic link that leads out', () => symlinkSync(tree.write('outside.js', ''), `${tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: 'in.js' }))}/in.js`), /symbolic link/],
  ['in a linked folder that leads out', () => {
    tree.write('elsewhere/in.js', '');
    symlinkSync(tree.path('elsewhere'), `${tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: 'lib/in.js' }))}/lib`);
  }, /symbolic link/],
  ['in a circle of links', () => symlinkSync('in.js', `${tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: 'in.js' }))}/in.js`), /ELOOP/],
  ['in a file that is not there', () => tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: 'missing.js' })), /there is no "missing.js"/],
  ['in a folder', () => mkdirSync(`${tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: 'lib.js' }))}/lib.js`), /not a file/],
  ['in no JavaScript', () => tree.plugin('plugins/out', manifestOf('out', '1.0.0', { entry: 'index.sh' }), { 'index.sh': '' }), /must be a .js/],
  ['in a file of 100 MB', () => {
    tree.plugin('plugins/out', manifestOf('out'));
    truncateSync(tree.path('plugins/out/index.js'), 100 * 1024 * 1024 + 1);
  }, /files above/],
])('an entry %s is refused', async (_, make, message) => {
  tree.plugin('plugins/good', manifestOf('good'));
  make();

  const { list } = await later(() => look());

  expect(list.map(({ state }) => state).sort()).toEqual(['invalid', 'valid']);
  expect(list.find(({ state }) => state === 'invalid')).toMatchObject({ problems: [{ field: 'conductor.entry', message: expect.stringMatching(message) }] });
});

it('survives a hostile folder: circles of links, deep nesting, names with line breaks, devices, huge and hidden manifests', async () => {
  tree.plugin('plugins/good', manifestOf('good'));
  symlinkSync(tree.path('plugins'), tree.path('plugins/up'));
  symlinkSync('me', tree.path('plugins/me'));
  symlinkSync('nowhere', tree.path('plugins/dangling'));
  mkdirSync(tree.path('plugins/deep', ...Array<string>(200).fill('d')), { recursive: true });
  tree.plugin('plugins/line\nbreak', manifestOf('line-break'));
  tree.write('plugins/huge/package.json', JSON.stringify({ ...manifestOf('huge'), padding: 'x'.repeat(10 * 1024 * 1024) }));
  mkdirSync(tree.path('plugins/device'));
  symlinkSync('/dev/zero', tree.path('plugins/device/package.json'));
  mkdirSync(tree.path('plugins/folder/package.json'), { recursive: true });

  const catalogue = await later(() => look());

  expect(catalogue.valid.map(({ name }) => name)).toEqual(['good', 'line-break']);
  const messages = problemsOf(catalogue).map(({ message }) => message).join('\n');
  for (const part of ['go round in a circle', 'leads nowhere', 'at most 262144 are read', 'must be a file', 'is not a file', 'no package.json']) expect(messages).toContain(part);
});

it('refuses the same version in a second folder, and says where the first lies', async () => {
  tree.plugin('plugins/a', manifestOf('twice'));
  tree.plugin('plugins/b', manifestOf('twice'));

  const catalogue = await look();

  expect(seen(catalogue).sort()).toEqual(['twice@1.0.0 invalid', 'twice@1.0.0 valid']);
  expect(problemsOf(catalogue)[0]).toMatchObject({ field: 'version', message: expect.stringContaining('lies in') });
});

it('reads a manifest again only when its file changed', async () => {
  const cacheFile = tree.path('cache.json');
  tree.plugin('plugins/telegram', manifestOf('telegram'));
  tree.plugin('plugins/matrix', manifestOf('matrix'));
  await look({ cacheFile });
  // What only the cache says now shows who was asked.
  writeFileSync(cacheFile, readFileSync(cacheFile, 'utf8').replaceAll('"load":"lazy"', '"load":"eager"'));
  const loads = ({ valid }: PluginCatalogue) => valid.map(({ name, version, manifest }) => `${name}@${version} ${manifest.conductor.load}`);
  expect(loads(await look({ cacheFile }))).toEqual(['matrix@1.0.0 eager', 'telegram@1.0.0 eager']);

  tree.write('plugins/matrix/package.json', manifestOf('matrix', '1.0.1'));
  expect(loads(await look({ cacheFile }))).toEqual(['matrix@1.0.1 lazy', 'telegram@1.0.0 eager']);
  rmSync(tree.path('plugins/telegram'), { recursive: true });
  expect(loads(await look({ cacheFile }))).toEqual(['matrix@1.0.1 lazy']);
});

it.each(['', '{', '{"format":1,"files":[]}', '{"format":99,"files":{}}', '{"format":1,"files":{"x":[[1,2,3],"plugin","evil"]}}'])('a damaged cache counts as none: %s', async (text) => {
  writeFileSync(tree.path('cache.json'), text);
  tree.plugin('plugins/telegram', manifestOf('telegram'));

  expect(seen(await look({ cacheFile: tree.path('cache.json') }))).toEqual(['telegram@1.0.0 valid']);
});

it('a place that does not exist holds nothing', async () => {
  expect((await look()).list).toEqual([]);
});

describe('while it watches', () => {
  const watched = async () => {
    const catalogue = await look();
    const changes: CatalogueChange[] = [];
    catalogue.onChange((change) => changes.push(change));
    await catalogue.watch();
    return { catalogue, changes };
  };

  it('notices plugins that come, change and go', async () => {
    mkdirSync(tree.path('plugins'));
    const { catalogue, changes } = await watched();

    tree.plugin('plugins/telegram', manifestOf('telegram'));
    await until(() => expect(seen(catalogue)).toEqual(['telegram@1.0.0 valid']));
    tree.write('plugins/telegram/package.json', manifestOf('telegram', '1.1.0'));
    await until(() => expect(seen(catalogue)).toEqual(['telegram@1.1.0 valid']));
    tree.write('plugins/telegram/index.js', 'changed');
    await until(() => expect(changes.some(({ touched }) => touched.length === 1)).toBe(true));
    rmSync(tree.path('plugins/telegram'), { recursive: true });
    await until(() => expect(seen(catalogue)).toEqual([]));
    expect(changes.map(({ added, removed, changed }) => [added.length, removed.length, changed.length]).filter((counts) => counts.some((count) => count > 0)).at(-1)).toEqual([0, 1, 0]);
  });

  it('notices a plugin folder that is made only later, and a whole folder that is moved in', async () => {
    const { catalogue } = await watched();
    tree.plugin('elsewhere', manifestOf('moved'));

    mkdirSync(tree.path('plugins'));
    renameSync(tree.path('elsewhere'), tree.path('plugins/moved'));

    await until(() => expect(seen(catalogue)).toEqual(['moved@1.0.0 valid']));
  });

  it('waits for a folder that is half written, and says so meanwhile', async () => {
    mkdirSync(tree.path('plugins'));
    const { catalogue, changes } = await watched();
    const text = JSON.stringify(manifestOf('slow'));

    tree.write('plugins/slow/package.json', text.slice(0, 30));
    await until(() => expect(catalogue.list).toMatchObject([{ state: 'being-written' }]));
    tree.write('plugins/slow/package.json', text);
    tree.write('plugins/slow/index.js', '');
    await until(() => expect(seen(catalogue)).toEqual(['slow@1.0.0 valid']));
    expect(changes.flatMap(({ added, changed }) => [...added, ...changed.map(({ after }) => after)]).filter(({ state }) => state === 'invalid')).toEqual([]);
  });

  it('calls a folder wrong when nobody goes on writing it', async () => {
    mkdirSync(tree.path('plugins'));
    const { catalogue } = await watched();

    age(tree.write('plugins/never/package.json', '{'));

    await until(() => expect(catalogue.list).toMatchObject([{ state: 'invalid' }]));
  });

  it('follows a link to a plugin, and none that lies in a plugin: that may lead to the whole disk', async () => {
    tree.plugin('elsewhere/linked', manifestOf('linked'));
    symlinkSync(tree.plugin('plugins/prying', manifestOf('prying')).replace('plugins/prying', 'disk'), tree.path('plugins/prying/disk'));
    mkdirSync(tree.path('disk'));
    symlinkSync(tree.path('elsewhere/linked'), tree.path('plugins/linked'));
    const { catalogue, changes } = await watched();

    tree.write('disk/news', 'of no concern');
    tree.write('elsewhere/linked/package.json', manifestOf('linked', '1.1.0'));
    await until(() => expect(seen(catalogue)).toEqual(['linked@1.1.0 valid', 'prying@1.0.0 valid']));
    tree.write('plugins/prying/index.js', 'changed');
    await until(() => expect(changes.flatMap(({ touched }) => touched).length).toBeGreaterThan(0));

    // Its own file alone: had the link been followed, the news would have counted as a change of it before.
    expect(changes.flatMap(({ touched }) => touched.map(({ name }) => name))).toEqual(['prying']);
  });

  it('notices what npm installs', async () => {
    tree.write('node_modules/.package-lock.json', '{}');
    const { catalogue } = await watched();

    tree.plugin('node_modules/fax', manifestOf('fax'));
    tree.write('node_modules/.package-lock.json', '{"lockfileVersion":3}');

    await until(() => expect(seen(catalogue)).toEqual(['fax@1.0.0 valid']));
  });
});
