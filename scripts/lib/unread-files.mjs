import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inProject } from './project.mjs';

/** Where compilers of add-ons would look; nothing is compiled here. */
const HEADERS_OF = /^node-(bin-)?(linux|darwin)-/;
const SOURCE_MAP = /\.([cm]?[jt]s|css)\.map$/;

/** Takes from node_modules what nobody here reads, a fifth of it: the header files of Node, and the source maps of other people's code. */
export const removeUnreadFiles = () => {
  const packages = inProject('node_modules');
  if (!existsSync(packages)) return;
  for (const name of readdirSync(packages)) if (HEADERS_OF.test(name)) rmSync(join(packages, name, 'include'), { recursive: true, force: true });
  for (const file of readdirSync(packages, { recursive: true })) if (SOURCE_MAP.test(file)) rmSync(join(packages, file), { force: true });
};
