import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Result {
  title: string;
  note: string;
  columns: string[];
  rows: Array<Array<string | number>>;
}

export const table = ({ columns, rows }: Result) =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** Writes what was measured, with all that is needed to measure it again. */
export const writeReport = (file: string, results: Result[], redisVersion: string): void => {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}; Node ${process.version}, Redis ${redisVersion}`;
  const text = [
    '# Benchmarks',
    '',
    'Written by `npm run bench`; every figure below is from one run of it. Compare ratios rather than absolute figures between machines.',
    '',
    `- Date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `- Machine: ${machine}`,
    '- Apps as separate processes, Redis with AOF (`appendfsync everysec`), the client on the same machine.',
    '',
    ...results.flatMap((result) => [`## ${result.title}`, '', result.note, '', table(result), '']),
  ];
  writeFileSync(file, text.join('\n'));
};

export const print = (result: Result): void => console.log(`\n${result.title}\n${table(result)}\n`);
