import type { DeadLetters, Ledger } from '@conductor/bus';
import type { DeadLetter, DeadLetterFilter } from '@conductor/contracts';

/** Ends dead letters: what is discarded is settled for good. */
export class LetterBox {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly ledger: Ledger,
  ) {}

  /** @returns whether there was such a letter */
  async discard(id: string, reason: string): Promise<boolean> {
    const letter = await this.deadLetters.get(id);
    if (!letter) return false;
    await this.end(letter, reason);
    return true;
  }

  /** @returns how many were ended */
  async discardAll(filter: DeadLetterFilter, reason: string): Promise<number> {
    const doomed = await Array.fromAsync(this.deadLetters.find(filter));
    for (const letter of doomed) await this.end(letter, reason);
    return doomed.length;
  }

  private async end({ id, request }: DeadLetter, reason: string) {
    await this.ledger.settle(request, { state: 'discarded', code: 'discarded', reason }, { at: Date.now(), step: 'discarded', message: reason });
    await this.deadLetters.remove(id);
  }
}
