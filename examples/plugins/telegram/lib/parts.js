'use strict';

/** Telegram takes no longer texts, counted in UTF-16 units; longer ones are sent in parts. */
const LONGEST_TEXT = 4_096;
const INVISIBLE = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]/gu;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Telegram refuses a text that shows nothing. */
const isVisible = (text) => text.replace(INVISIBLE, '') !== '';

/** The text in parts that Telegram takes, none of them cut within a character, blank ones left out. */
const partsOf = (text) => {
  const parts = [''];
  for (const { segment } of graphemes.segment(text)) {
    // One that is larger than a part by itself can only be cut.
    for (const piece of segment.match(/[^]{1,4096}/g)) {
      if (parts.at(-1).length + piece.length > LONGEST_TEXT) parts.push('');
      parts[parts.length - 1] += piece;
    }
  }
  return parts.filter(isVisible);
};

module.exports = { isVisible, partsOf };
