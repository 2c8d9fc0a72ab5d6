import { visibleText } from '@conductor/config';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export type Line = { readonly from: 'stdout' | 'stderr'; readonly text: string };

const KEPT = 30;

/** Hands on every line a process writes and keeps the last ones: when it dies, they usually say why. */
export class LastWords {
  private readonly stderr: string[] = [];
  private readonly stdout: string[] = [];

  constructor(child: ChildProcess, onLine: (line: Line) => void) {
    for (const from of ['stdout', 'stderr'] as const) {
      const stream = child[from];
      if (!stream) continue;
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (text) => {
        const kept = this[from];
        kept.push(text);
        if (kept.length > KEPT) kept.shift();
        onLine({ from, text });
      });
    }
  }

  /** What it wrote to stderr last; if nothing, what it wrote to stdout. */
  get lines(): string[] {
    return this.stderr.length > 0 ? this.stderr : this.stdout.slice(-3);
  }

  /** The one line of these that most likely says why. */
  get gist(): string | undefined {
    const lines = this.lines.map(messageOf).filter((line) => line.trim() !== '');
    return (lines.find((line) => /error|cannot|fatal/i.test(line)) ?? lines.at(-1))?.trim();
  }
}

/** A log line is JSON; what it says is in `msg`. */
const messageOf = (line: string): string => {
  try {
    return visibleText(String((JSON.parse(line) as { msg?: unknown }).msg ?? line));
  } catch {
    return visibleText(line);
  }
};
