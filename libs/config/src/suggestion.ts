/** What to add to the complaint about a mistyped variable: the known one that it most resembles, by its words, then by its letters. */
export const suggestion = (key: string, settings: readonly string[]): string => {
  const words = new Set(key.split('_'));
  const shared = (known: string) => known.split('_').filter((word) => words.has(word)).length / Math.max(words.size, known.split('_').length);
  const near = settings.map((known) => ({ known, shared: shared(known), edits: editsBetween(key, known) })).sort((a, b) => b.shared - a.shared || a.edits - b.edits)[0];
  return near && near.shared >= 0.5 ? `; did you mean ${near.known}?` : '';
};

/** How many letters are to be put in, taken out or changed (Levenshtein). */
const editsBetween = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...to].entries()) next.push(Math.min(next[column]! + 1, row[column + 1]! + 1, row[column]! + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
};
