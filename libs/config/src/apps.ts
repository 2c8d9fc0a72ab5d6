import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { APP_NAME, AppDescription, type AppName } from './app-description';
import { ConfigurationError } from './configuration-error';
import { ownSettings, type Settings } from './own-settings';
import { readTextFileSync } from './text-file';

/** Zod would compile a parser, which takes longer than the one use of it, and memory. */
const ONCE = { jitless: true };

/** An app, as its folder describes it. */
export interface DescribedApp extends AppDescription {
  readonly name: AppName;
  readonly folder: string;
  /** What it can be told beside its port, by variable. */
  readonly settings: Settings;
}

/** Where the apps lie, built or not: beside the libraries. */
const APPS = join(__dirname, '..', '..', '..', 'apps');

const known = new Map<string, readonly DescribedApp[]>();

/**
 * Every app that has an `app.json`, by port. Found by looking, so that a new app is a new folder and no list has to name it; the launcher
 * itself has none, since nobody starts it but a person. Folders are read once a process: some small files.
 * @throws ConfigurationError naming each file and field that cannot be used
 */
export const findApps = (folder = APPS): readonly DescribedApp[] => {
  const found = known.get(folder) ?? readApps(folder);
  known.set(folder, found);
  return found;
};

/** @throws ConfigurationError when no folder has that name */
export const appNamed = (name: AppName): DescribedApp => {
  const app = findApps().find((one) => one.name === name);
  if (!app) throw new ConfigurationError(`There is no app "${name}": apps/${name}/app.json is missing. There are ${findApps().map((one) => one.name).join(', ')}.`);
  return app;
};

const readApps = (folder: string): DescribedApp[] => {
  const problems: string[] = [];
  const apps = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const text = descriptionIn(join(folder, name));
      if (text === undefined) return [];
      try {
        return [describe(name, join(folder, name), text)];
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        problems.push(error.message);
        return [];
      }
    });
  if (problems.length > 0) throw new ConfigurationError(['An app is described in a way that cannot be used:', ...problems, 'README.md, "Adding a platform", tells what can stand there.'].join('\n'));
  return apps.sort((a, b) => a.port - b.port || (a.name < b.name ? -1 : 1));
};

const descriptionIn = (folder: string): string | undefined => {
  try {
    return readTextFileSync(join(folder, 'app.json'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const describe = (name: AppName, folder: string, text: string): DescribedApp => {
  const file = `apps/${name}/app.json`;
  if (!APP_NAME.test(name)) throw new ConfigurationError(`  ${file}: the folder's name has to be small letters, digits and single dashes`);
  const { success, data, error } = AppDescription.safeParse(parsed(file, text), ONCE);
  if (!success) throw new ConfigurationError(error.issues.map((issue) => `  ${[file, issue.path.join('.')].filter(Boolean).join(', ')}: ${issue.message}`).join('\n'));
  return { ...data, carriesMessages: data.carriesMessages ?? data.platforms.length > 0, name, folder, settings: ownSettings(name, folder) };
};

const parsed = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`  ${file} is no JSON: ${(error as Error).message}`);
  }
};
