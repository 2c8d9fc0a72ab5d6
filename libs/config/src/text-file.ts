import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * Reads a file that people edit, whatever their editor made of it: UTF-8 or UTF-16, with or without a byte order mark, any line ends.
 * The same goes for what is added around the text without being seen. @throws as `readFile` does
 */
export const readTextFile = async (path: string): Promise<string> => textOf(await readFile(path));
export const readTextFileSync = (path: string): string => textOf(readFileSync(path));

export const textOf = (bytes: Buffer): string => decoded(bytes).replace(/\r\n?/g, '\n').replace(AROUND, '');

/** White space at an end is the reader's to judge; marks that nobody sees are nobody's wish. */
// eslint-disable-next-line no-control-regex -- DOS ended files with ^Z, and some tools still do
const AROUND = /^[\uFEFF\u200B-\u200F\u2060\0\u001A]+|[\uFEFF\u200B-\u200F\u2060\0\u001A]+$/g;

const decoded = (bytes: Buffer): string => {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) return bigEndian(bytes);
  if (first === 0xff && second === 0xfe) return bytes.toString('utf16le');
  // Without a mark: what we read begins with a character of ASCII, of which one half is zero.
  if (bytes.length >= 2 && bytes.length % 2 === 0 && first === 0 && second !== 0) return bigEndian(bytes);
  if (bytes.length >= 2 && bytes.length % 2 === 0 && first !== 0 && second === 0) return bytes.toString('utf16le');
  return bytes.toString('utf8');
};

const bigEndian = (bytes: Buffer): string => Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2))).swap16().toString('utf16le');
