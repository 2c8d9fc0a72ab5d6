import type { DeadLetters, Ledger } from '@conductor/bus';
import type { DeadLetterFilter } from '@conductor/contracts';

/** So many are ended in one step, and other calls come in between. */
const AT_ONCE = 64;

/** Ends dead letters: what is discarded is settled for good. */
export class LetterBox {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly ledger: Ledger,
  ) {}

  /** @returns whether there was such a letter */
  async discard(id: string, reason: string): Promise<boolean> {
    return (await this.discardMany([id], reason)) === 1;
  }

  /** @returns how many of them there were */
  async discardMany(ids: readonly string[], reason: string): Promise<number> {
    const known = await this.deadLetters.known([...new Set(ids)]);
    for (let from = 0; from < known.length; from += AT_ONCE) await this.end(known.slice(from, from + AT_ONCE), reason);
    return known.length;
  }

  /** @returns how many were ended */
  async discardAll(filter: DeadLetterFilter, reason: string): Promise<number> {
    let ended = 0;
    let some: string[] = [];
    for await (const { id } of this.deadLetters.find(filter)) {
      if (some.push(id) < AT_ONCE) continue;
      ended += await this.end(some, reason);
      some = [];
    }
    return ended + (await this.end(some, reason));
  }

  private async end(ids: readonly string[], reason: string): Promise<number> {
    const at = Date.now();
    const messages = await this.deadLetters.messagesOf(ids);
    await Promise.all(messages.map((message) => this.ledger.settle(message, { state: 'discarded', code: 'discarded', reason }, { at, step: 'discarded', message: reason })));
    await this.deadLetters.remove(...ids);
    return ids.length;
  }
}
