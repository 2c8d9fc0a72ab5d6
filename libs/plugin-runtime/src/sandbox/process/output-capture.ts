import type { Readable } from 'node:stream';
import { Allowance } from './allowance';
import { LineCutter } from './output-log';

const BYTES_PER_SECOND = 256 * 1_024;
const BURST_BYTES = 1_048_576;
const PAUSE_MS = 250;

/**
 * Takes in what a process writes, line by line. One that writes too much is not read for a moment: its pipe fills, and it waits.
 * @param report told when that happens
 */
export const captureOutput = (stream: Readable, line: (text: string) => void, report: (detail: string) => void): void => {
  const allowance = new Allowance(BYTES_PER_SECOND, BURST_BYTES);
  const cutter = new LineCutter();
  stream.on('data', (chunk: Buffer) => {
    if (!allowance.take(chunk.length)) {
      report(`more than ${BYTES_PER_SECOND / 1_024} KiB a second on its standard output; it is read more slowly, and not all of it is kept`);
      stream.pause();
      setTimeout(() => stream.resume(), PAUSE_MS).unref();
      return;
    }
    for (const text of cutter.push(chunk)) line(text);
  });
  stream.on('end', () => cutter.end() !== '' && line(cutter.end()));
  stream.on('error', () => {});
};
