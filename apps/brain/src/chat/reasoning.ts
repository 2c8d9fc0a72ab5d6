/** What a model was thinking is not meant for people. Some servers leave it in the text, between tags or behind markers of a channel. */
export interface Spoken {
  text: string;
  /** Whether some of it was reasoning. */
  reasoned: boolean;
}

const TAGS = 'think|thinking|reasoning|thought';
/** A stretch of code, or a tag: whichever comes first. Tags within code are text about tags. */
const CODE_OR_TAG = new RegExp(`(?<fence>^[ \\t]*(\`{3,}|~{3,})[^]*?(?:^[ \\t]*\\2|(?![^])))|(?<span>(\`+)(?!\`)[^]{0,1000}?[^\`]\\4(?!\`))|<(?<open>${TAGS})>|</(?<close>${TAGS})>`, 'gim');
const CHANNEL = '<|channel|>';
const FINAL = /<\|channel\|>final(?:\s*<\|constrain\|>[^<]*)?<\|message\|>([^]*?)(?:<\|(?:return|end|call)\|>|$)/g;
/** Ends of turns that a server with a wrong template lets through. */
const END_TOKENS = /(?:<\|(?:im_end|eot_id|end_of_text|endoftext|end|return)\|>|<\/s>|<end_of_turn>)\s*$/;

/** Takes reasoning out of an answer. One that is never closed takes the rest along; a tag in code stays. */
export const withoutReasoning = (answer: string): Spoken => {
  if (answer.includes(CHANNEL)) return finalChannel(answer);
  let [text, at, reasoned] = ['', 0, false];
  CODE_OR_TAG.lastIndex = 0;
  for (let found = CODE_OR_TAG.exec(answer); found; found = CODE_OR_TAG.exec(answer)) {
    const { open, close } = found.groups!;
    if (close !== undefined && !reasoned) {
      // The template of the model wrote the opening tag, so the answer begins in the middle of it.
      [text, at, reasoned] = ['', found.index + found[0].length, true];
    } else if (open !== undefined) {
      const end = closing(answer, open, found.index + found[0].length);
      if (end === undefined && !beginsLine(answer, found.index)) continue;
      text += answer.slice(at, found.index);
      reasoned = true;
      at = end ?? answer.length;
      CODE_OR_TAG.lastIndex = at;
    }
  }
  const spoken = (text + answer.slice(at)).replace(END_TOKENS, '');
  return { text: reasoned ? spoken.trim() : spoken, reasoned };
};

const finalChannel = (answer: string): Spoken => {
  const last = [...answer.matchAll(FINAL)].at(-1);
  return { text: last?.[1]?.trim() ?? '', reasoned: true };
};

const closing = (answer: string, tag: string, from: number): number | undefined => {
  const end = answer.slice(from).search(new RegExp(`</${tag}>`, 'i'));
  return end < 0 ? undefined : from + end + tag.length + 3;
};

const beginsLine = (answer: string, index: number): boolean => /(?:^|\n)\s*$/.test(answer.slice(Math.max(0, index - 200), index));
