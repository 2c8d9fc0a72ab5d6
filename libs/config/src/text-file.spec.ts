import { textOf } from './index';

const TEXT = '{\n  "name": "Köln 😀"\n}\n';
const BOM = '\uFEFF';
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('a file that people edit', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte order mark', Buffer.from(BOM + TEXT)],
    ['UTF-16 as Windows writes it', Buffer.from(BOM + TEXT, 'utf16le')],
    ['UTF-16 without a mark', Buffer.from(TEXT, 'utf16le')],
    ['big-endian UTF-16', utf16be(BOM + TEXT)],
    ['big-endian UTF-16 without a mark', utf16be(TEXT)],
    ['the line ends of Windows', Buffer.from(TEXT.replaceAll('\n', '\r\n'))],
    ['the line ends of old Macs', Buffer.from(TEXT.replaceAll('\n', '\r'))],
    ['marks that nobody sees around it', Buffer.from(`\u200B${TEXT}\u2060\u001A`)],
  ])('is read the same in %s', (_how, bytes) => {
    expect(textOf(bytes)).toBe(TEXT);
  });

  it('may be empty', () => expect(textOf(Buffer.alloc(0))).toBe(''));
});
