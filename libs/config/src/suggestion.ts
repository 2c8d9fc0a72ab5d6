/** The setting that a mistyped variable was probably meant to be: the one it most resembles, by its words, then by its letters. */
export const nearest = (key: string, settings: readonly string[]): string | undefined => {
  const words = new Set(key.split('_'));
  const shared = (known: string) => known.split('_').filter((word) => words.has(word)).length / Math.max(words.size, known.split('_').length);
  const near = settings.map((known) => ({ known, shared: shared(known), edits: editsBetween(key, known) })).sort((a, b) => b.shared - a.shared || a.edits - b.edits)[0];
  return near && near.shared >= 0.5 ? near.known : undefined;
};

/**
 * Whether a variable is a setting with a mistake in it, and not one of another program that happens to begin alike: each of its words is,
 * but for a letter or two, a word of that setting, and at most one word is missing or too many.
 */
export const isMistyped = (key: string, setting: string): boolean => {
  const [given, meant] = [key.split('_').filter(Boolean), setting.split('_')];
  const left = [...meant];
  const strange = given.filter((word) => {
    const at = left.findIndex((other) => editsBetween(word, other) <= allowedEdits(Math.min(word.length, other.length)));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return strange.length + left.length <= 1 || editsBetween(key.replaceAll('_', ''), setting.replaceAll('_', '')) <= 1;
};

const allowedEdits = (letters: number) => (letters <= 3 ? 0 : letters <= 5 ? 1 : 2);

/** How many letters are to be put in, taken out, changed or swapped with the next one (Damerau and Levenshtein). */
const editsBetween = (from: string, to: string): number => {
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let edits = Math.min(row[j - 1]! + 1, rows[i - 1]![j]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) edits = Math.min(edits, rows[i - 2]![j - 2]! + 1);
      row.push(edits);
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
};
