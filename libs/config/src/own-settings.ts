import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type AppName, portVariableOf, prefixOf } from './app-description';
import { ConfigurationError } from './configuration-error';

/** Schemas by variable. */
export type Settings = Readonly<Record<string, z.ZodType>>;

/** Built, or as a test runs it. */
const FILES = ['settings.js', 'settings.ts'];

/**
 * What an app says in `src/settings` that it can be told: `export const settings = z.object({ … })`. Every process loads the settings of all
 * apps, so that each can tell a mistyped variable; they are small, and the lint sees to it that they load nothing else.
 * @throws ConfigurationError
 */
export const ownSettings = (app: AppName, folder: string): Settings => {
  const file = FILES.map((name) => join(folder, 'src', name)).find(existsSync);
  if (file === undefined) return {};
  const where = `apps/${app}/src/settings.ts`;
  const { settings } = load(file, where);
  if (!(settings instanceof z.ZodObject)) throw new ConfigurationError(`  ${where} has to export \`settings\`, a z.object with a field for each variable`);
  const { shape } = settings as z.ZodObject<Record<string, z.ZodType>>;
  const wrong = Object.entries(shape).flatMap(([variable, schema]) => problemsOf(app, variable, schema).map((problem) => `  ${where}, ${variable}: ${problem}`));
  if (wrong.length > 0) throw new ConfigurationError(wrong.join('\n'));
  return shape;
};

const load = (file: string, where: string): { settings?: unknown } => {
  try {
    // By its name: which apps there are is seen by looking, so nothing can import them. `require`, since the configuration is read at once.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(file) as { settings?: unknown };
  } catch (error) {
    throw new ConfigurationError(`  ${where} cannot be loaded: ${(error as Error).message}`, { cause: error });
  }
};

const problemsOf = (app: AppName, variable: string, schema: z.ZodType): string[] => [
  ...(variable.startsWith(prefixOf(app)) && /^[A-Z0-9_]+$/.test(variable) ? [] : [`has to begin with ${prefixOf(app)} and be in capitals, so that nobody takes it for another app's`]),
  ...(variable === portVariableOf(app) ? ['is there already, for the port in app.json'] : []),
  ...(schema.description === undefined ? ["needs a description, `.describe('…')`, for the table in README.md"] : []),
];
