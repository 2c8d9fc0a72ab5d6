import type { ProcessState } from '@conductor/contracts';
import { rssMbOf } from './process-facts';

export interface Row {
  readonly process: ProcessState;
  readonly what: string;
}

/** One line for each process: what runs, where its door is, in which state, as which process, with how much memory. */
export const table = (rows: readonly Row[]): string => {
  const cells = rows.map(({ process, what }) => [
    process.app,
    process.url ?? '-',
    process.state,
    process.pid === undefined ? '-' : String(process.pid),
    process.pid === undefined ? '-' : `${Math.round(rssMbOf(process.pid) ?? 0)} MB`,
    what,
  ]);
  const all = [['app', 'door', 'state', 'pid', 'memory', 'what it is for'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()}`).join('\n');
};

/** Why those that do not work do not. */
export const troubles = (rows: readonly Row[]): string[] =>
  rows.filter(({ process }) => process.state !== 'ready' && process.state !== 'suspended').map(({ process }) => `  ${process.app} is ${process.state}: ${process.reason.replaceAll('\n', '\n    ')}`);

/**
 * Commands to copy. The key is read from its file, so that it does not end up in the shell's history.
 * @param keyFile undefined when there is none, because the key was preset
 */
export const firstCommands = (urlOf: (app: string) => string | undefined, keyFile: string | undefined): string[] => {
  const conductor = urlOf('conductor');
  const router = urlOf('router');
  const key = `-H "Authorization: Bearer ${keyFile === undefined ? '$CONDUCTOR_ADMIN_KEY' : `$(cat ${quoted(keyFile)})`}"`;
  return [
    ...(router ? ['Send a message:', `  curl ${key} -H 'Content-Type: application/json' \\`, `    -d '{"kind":"message","content":"Hello!"}' ${router}/v1/requests`] : []),
    ...(conductor ? ['See how everything is:', `  curl ${key} ${conductor}/v1/status`, `Read the API:    ${conductor}/docs`] : []),
  ];
};

const quoted = (file: string): string => (/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`);
