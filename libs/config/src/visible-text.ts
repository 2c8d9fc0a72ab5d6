/**
 * What a terminal would obey or hide instead of showing it: control characters (escape sequences begin with one), but for the end of a line
 * and the tabulator; characters that turn the direction of writing, that have no width, that break lines; tags; halves of characters.
 */
const UNSEEN = new RegExp(String.raw`[[\p{Cc}--[\n\t]]\p{Cf}\p{Cs}\p{Zl}\p{Zp}]`, 'v');
const EACH_UNSEEN = new RegExp(UNSEEN, 'gv');
/** The same in a line of JSON, also where it is written as an escape there. */
const EACH_UNSEEN_IN_JSON = new RegExp(`\\\\(?:u([0-9a-fA-F]{4})|([bfr])|[^])|${UNSEEN.source}`, 'gv');

/** The text with whatever a terminal would not show written out, as `\u001b`. For everything that is not ours, before it reaches a terminal or a log. */
export const visibleText = (text: string): string => (UNSEEN.test(text) ? text.replace(EACH_UNSEEN, written) : text);

/** A line of JSON, whose texts are made visible as by `visibleText`; it stays JSON. */
export const visibleJson = (line: string): string =>
  /\\[bfru]/.test(line) || UNSEEN.test(line)
    ? line.replace(EACH_UNSEEN_IN_JSON, (found: string, digits: string | undefined, letter: string | undefined) => {
        if (digits !== undefined) return UNSEEN.test(String.fromCharCode(parseInt(digits, 16))) ? `\\\\u${digits}` : found;
        if (letter !== undefined) return `\\\\${letter}`;
        return found.startsWith('\\') ? found : `\\${written(found)}`;
      })
    : line;

/** JSON in which such characters are escaped, so that nothing changes but how it looks: for answers that may be printed as they are. */
export const escapedJson = (json: string): string => (UNSEEN.test(json) ? json.replace(EACH_UNSEEN, escapes) : json);

const escapes = (character: string): string => Array.from({ length: character.length }, (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`).join('');
const written = (character: string): string => (character.length === 1 ? escapes(character) : `\\u{${character.codePointAt(0)!.toString(16)}}`);
