import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the project, from wherever this file lies in it (source or build). */
export const projectRoot = (from = __dirname): string => {
  if (existsSync(join(from, 'package.json'))) return from;
  const above = dirname(from);
  if (above === from) throw new Error('This file lies outside of a project: no package.json above it.');
  return projectRoot(above);
};
