import { createRequire } from 'node:module';
import { inProject } from './project.mjs';

const SPANS = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1_000, 's']];

/** What was built last is asked. */
const built = () => createRequire(import.meta.url)(inProject('dist', 'libs', 'config', 'src', 'index.js'));

/** The apps with what each can be told. */
export const builtApps = () => built().findApps();

/** The schema of every environment variable, those of the apps' own too. */
export const settingsOfAll = () => built().environmentOf(builtApps()).shape;

/** The table of all settings, in Markdown. */
export const tableOf = (settings) =>
  [
    '| variable | default | what it is |',
    '|---|---|---|',
    ...Object.entries(settings).map(([name, setting]) => `| \`${name}\` | ${shownDefault(name, setting.safeParse(undefined).data)} | ${readable(setting.description)} |`),
  ].join('\n');

const shownDefault = (name, value) => {
  if (value === undefined) return '';
  const [size, unit] = (name.endsWith('_MS') && SPANS.find(([ms]) => value % ms === 0)) || [];
  return `\`${value}\`${unit ? ` (${value / size} ${unit})` : ''}`;
};

/** `<home>` would be taken for an HTML tag. */
const readable = (description) => description.replaceAll('<', '&lt;');
