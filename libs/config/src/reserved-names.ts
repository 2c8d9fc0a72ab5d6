import { findApps } from './apps';

let names: ReadonlySet<string> | undefined;

/** Names of apps and of the platforms that apps run (`app.json`): nobody else may take one, also while the app is not there. */
export const reservedNames = (): ReadonlySet<string> => (names ??= new Set(findApps().flatMap(({ name, platforms }) => [name, ...platforms])));

/** Platforms that apps run (`app.json`), with their apps. */
export const reservedPlatforms = (): ReadonlyMap<string, string> => new Map(findApps().flatMap(({ name, platforms }) => platforms.map((platform) => [platform, name] as const)));
