import { escapedJson, visibleJson, visibleText } from './visible-text';

describe('text that is not ours', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', '\\u001b[31mred\\u001b[0m'],
    ['\x1b]0;title\x07', '\\u001b]0;title\\u0007'],
    ['\x9b2J', '\\u009b2J'],
    ['over\rwritten\b\x7f', 'over\\u000dwritten\\u0008\\u007f'],
    ['file\u202egpj.exe', 'file\\u202egpj.exe'],
    ['\u2066a\u2069\u200f', '\\u2066a\\u2069\\u200f'],
    ['ad\u200bmin\ufeff\u2060', 'ad\\u200bmin\\ufeff\\u2060'],
    ['a\u2028b', 'a\\u2028b'],
    ['half \ud83d', 'half \\ud83d'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
  ])('is written out where a terminal would obey or hide it: %j', (text, shown) => {
    expect(visibleText(text)).toBe(shown);
    expect(JSON.parse(visibleJson(JSON.stringify({ msg: text })))).toEqual({ msg: expect.not.stringMatching(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u) });
    expect(JSON.parse(escapedJson(JSON.stringify({ msg: text })))).toEqual({ msg: text });
  });

  it.each(['', 'plain', 'zwei Zeilen\nund\tmehr', 'Grüße 😀 日本語 ☀️', 'C:\\users\\bob "quoted" \\u001b written out'])('stays as it is where there is nothing to hide: %j', (text) => {
    expect(visibleText(text)).toBe(text);
    expect(JSON.parse(visibleJson(JSON.stringify({ msg: text })))).toEqual({ msg: text });
  });
});
