import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { inProject } from './project.mjs';

/** Folders under `apps` that Node can start. */
export const appFolders = () => readdirSync(inProject('apps')).filter((name) => existsSync(inProject('apps', name, 'src', 'main.ts'))).sort();

/** Those that the launcher and containers run: they describe themselves. A person starts the launcher. */
export const describedApps = () => appFolders().filter((name) => existsSync(inProject('apps', name, 'app.json')));

/** Which platforms an app runs. */
export const platformsOf = (app) => JSON.parse(readFileSync(inProject('apps', app, 'app.json'), 'utf8')).platforms ?? [];

/** Apps that `nest-cli.json` does not name, and those it names that are gone. */
export const nestProblems = (text, apps = appFolders()) => {
  const listed = Object.keys(JSON.parse(text).projects);
  return { missing: apps.filter((app) => !listed.includes(app)), gone: listed.filter((name) => !apps.includes(name)) };
};

/** `nest-cli.json` with just these apps as its projects. */
export const withNestProjects = (text, apps = appFolders()) => {
  const lines = apps.map((app) => `    "${app}": { "type": "application", "root": "apps/${app}", "entryFile": "main", "sourceRoot": "apps/${app}/src" }`);
  return text.replace(/"projects": \{[^]*\n {2}\}/, `"projects": {\n${lines.join(',\n')}\n  }`);
};

const BEGIN = '  # Apps that need nothing special: made by `npm run renew`. One that does gets a service above, written by hand.\n';
const END = '  # End of what is made.\n';

/** Apps that no service of the compose file runs, and those that one runs and that are gone. */
export const composeProblems = (text, apps = describedApps()) => {
  const run = servicesIn(text);
  return { missing: apps.filter((app) => !run.includes(app)), gone: run.filter((app) => !apps.includes(app)) };
};

/**
 * The compose file with a service for each app that has none of its own.
 * @param variables of an app, to be handed on from the environment of whoever starts it
 */
export const withComposeServices = (text, variablesOf, apps = describedApps()) => {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) return text;
  const [before, after] = [text.slice(0, from), text.slice(to)];
  const byHand = servicesIn(before + after);
  const made = apps.filter((app) => !byHand.includes(app)).map((app) => service(app, variablesOf(app)));
  return `${before}${BEGIN}${made.join('')}${after}`;
};

const servicesIn = (text) => [...text.matchAll(/^\s[^#\n]*\bAPP: ([\w-]+)/gm)].map(([, app]) => app);

/** A platform mostly speaks to something outside. */
const service = (app, variables) =>
  [
    `  ${app}:`,
    '    <<: *app',
    '    environment:',
    '      <<: *environment',
    `      APP: ${app}`,
    ...variables.map((variable) => `      ${variable}: \${${variable}:-}`),
    ...(platformsOf(app).length > 0 ? ['    networks: [inside, outside]'] : []),
    '',
    '',
  ].join('\n');
