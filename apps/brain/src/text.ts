/** White space, controls, and what a screen shows nothing for (zero-width spaces, joiners, fillers, variation selectors). */
const INVISIBLE = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\u2800]/gu;
/** A grapheme that is longer than this is cut within. */
const LONGEST_GRAPHEME = 64;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Whether a person would see anything of it. */
export const isVisible = (text: string): boolean => text.replace(INVISIBLE, '') !== '';

/** At most so many UTF-16 units, with an ellipsis where something was left out. No character that people see as one is cut within. */
export const shortened = (text: string, length: number): string => (text.length > length ? `${text.slice(0, graphemeStart(text, length - 1))}…` : text);

/** Where the grapheme that holds this index begins. */
const graphemeStart = (text: string, index: number): number => {
  const from = Math.max(0, index - LONGEST_GRAPHEME);
  const held = graphemes.segment(text.slice(from, index + LONGEST_GRAPHEME)).containing(index - from);
  return held === undefined || held.index === 0 ? index : from + held.index;
};
