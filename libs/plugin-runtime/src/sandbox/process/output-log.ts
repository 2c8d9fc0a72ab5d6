import { StringDecoder } from 'node:string_decoder';
import { visibleText } from '@conductor/config';

export interface OutputLine {
  /** Grows from line to line, whoever of all plugins in this process wrote it. */
  readonly position: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly stream: 'stdout' | 'stderr' | 'log';
  readonly generation: string;
  readonly pid: number;
  readonly text: string;
}

const MOST_LINES = 1_000;
const MOST_CHARACTERS = 262_144;
const LONGEST_LINE = 4_096;

/** Of the latest line of all. One count for all logs, so that a plugin's lines go on where they were when it is loaded anew. */
let latest = 0;

/** What a plugin wrote, the newest of it: so much and no more, whatever it writes. */
export class OutputLog {
  private lines: OutputLine[] = [];
  private characters = 0;
  private pushedOut = 0;
  private pushedOutTo = 0;

  /** @returns position of the latest line that anybody wrote */
  static get latest(): number {
    return latest;
  }

  add(line: Omit<OutputLine, 'position'>): void {
    // Whoever reads it may do so at a terminal.
    const text = visibleText(line.text.length > LONGEST_LINE ? `${line.text.slice(0, LONGEST_LINE)} …` : line.text);
    const cut = { ...line, text, position: ++latest };
    this.lines.push(cut);
    this.characters += cut.text.length;
    while (this.lines.length > MOST_LINES || this.characters > MOST_CHARACTERS) {
      const oldest = this.lines.shift()!;
      this.characters -= oldest.text.length;
      this.pushedOutTo = oldest.position;
      this.pushedOut++;
    }
  }

  list(limit = MOST_LINES): { lines: OutputLine[]; pushedOut: number } {
    return { lines: this.lines.slice(-limit), pushedOut: this.pushedOut };
  }

  /** All that was written after a position, the oldest first. `gap`: some of that is not kept any more. */
  after(position: number): { lines: OutputLine[]; pushedOut: number; gap: boolean } {
    return { lines: this.lines.filter((line) => line.position > position), pushedOut: this.pushedOut, gap: this.pushedOutTo > position };
  }

  /** The last words of a process, for the reason of its end. */
  lastWords(pid: number): string | undefined {
    const words = this.lines.filter((line) => line.pid === pid && line.stream === 'stderr' && line.text.trim() !== '').slice(-20).map(({ text }) => text.trim());
    return (words.find((line) => /^(\w*Error|FATAL|Uncaught)/.test(line)) ?? words.at(-1))?.slice(0, 300);
  }
}

/** Cuts a stream of bytes into lines; an endless line is cut where it gets too long. */
export class LineCutter {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  *push(chunk: Buffer): Generator<string> {
    this.rest += this.decoder.write(chunk);
    for (;;) {
      const end = this.rest.indexOf('\n');
      if (end < 0 && this.rest.length <= LONGEST_LINE) return;
      const cut = end < 0 || end > LONGEST_LINE ? LONGEST_LINE : end;
      yield this.rest.slice(0, cut);
      this.rest = this.rest.slice(cut === end ? cut + 1 : cut);
    }
  }

  end(): string {
    return this.rest;
  }
}
