import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';

/** What a plugin's process loads of ours. */
export interface RuntimeImage {
  readonly folder: string;
  readonly bootstrap: string;
  /** The author's kit, which `@conductor/platform-kit` stands for. */
  readonly kit: string;
}

const CHILD = join(__dirname, '..', 'child');
/** The kit's entry for authors and what it imports, beside us in the tree, built or not. */
const KIT = join(__dirname, '..', '..', '..', '..', 'platform-kit', 'src');
const KIT_MODULES = ['author', 'delivery-failure', 'setup-failure'];

/**
 * Puts the few files that a plugin's process loads of ours into a folder of their own, so that it needs to see nothing else of
 * the Conductor.
 * @param below the folder is made in here, named after its content
 */
export const prepareRuntime = async (below: string): Promise<RuntimeImage> => {
  const built = extname(__filename) !== '.ts';
  const kitFiles = KIT_MODULES.map((name) => (built ? `${name}.js` : `${name}.ts`));
  const files = [
    // Node looks for one in every folder above otherwise, which are not the process's to read.
    { name: 'package.json', text: '{ "type": "commonjs" }' },
    ...(await Promise.all((await readdir(CHILD)).map(async (name) => ({ name, text: await readFile(join(CHILD, name), 'utf8') })))),
    ...(await Promise.all(kitFiles.map(async (name) => asJavaScript(name, await readFile(join(KIT, name), 'utf8'))))),
  ];
  const hash = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  const folder = join(below, `runtime-${hash}`);
  const image = { folder, bootstrap: join(folder, 'bootstrap.cjs'), kit: join(folder, built ? 'author.js' : 'author.mjs') };
  if (await stat(folder).then(() => true, () => false)) return image;

  const unfinished = `${folder}.${process.pid}-${Date.now()}`;
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  for (const { name, text } of files) await writeFile(join(unfinished, name), text, { mode: 0o644 });
  // Another host of the same home may have been quicker; its files are the same.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true, force: true }));
  return image;
};

/** From sources, as in tests: Node itself takes the types out and leaves an ES module. It writes nothing in their place: no parameter properties there. */
const asJavaScript = (name: string, text: string): { name: string; text: string } =>
  name.endsWith('.ts')
    ? { name: name.replace(/ts$/, 'mjs'), text: stripTypeScriptTypes(text).replace(/(from ['"]\.\/[\w-]+)(['"])/g, '$1.mjs$2') }
    : { name, text: text.replace(/^\/\/# sourceMappingURL=.*$/m, '') };
