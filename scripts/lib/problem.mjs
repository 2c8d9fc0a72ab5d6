/** Something a person has to mend: what happened, why, what to do. Shown without a stack trace. */
export class Problem extends Error {
  constructor(what, ...more) {
    super([what, ...more].filter(Boolean).join('\n'));
  }
}

/** What a terminal would obey or hide is written out: see libs/config/src/visible-text.ts, which need not be built here. */
export const visible = (text) =>
  String(text).replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);

/** Runs a script's main function; its result is the exit code. */
export const main = async (work) => {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    // What brings an exit code of its own was wanted by a person, who needs no explanation.
    if (!error.exitCode) console.error(`\n${visible(error instanceof Problem ? error.message : error.stack)}\n`);
    process.exitCode = error.exitCode ?? 1;
  }
};
