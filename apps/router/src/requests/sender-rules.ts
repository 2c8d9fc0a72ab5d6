import { reservedNames } from '@conductor/config';
import { type RequestInput, RETURN_KINDS } from '@conductor/contracts';
import { type Caller, Problem } from '@conductor/http';
import type { z } from 'zod';

/** The source of what comes by REST and names none. */
const BY_REST = 'rest';

/** What a caller may say of where its message comes from, and what kind it is: nobody passes for a platform or for the Conductor. */
export class SenderRules {
  constructor(private readonly isPlatform: (name: string) => boolean) {}

  /** @throws Problem forbidden */
  check({ source, kind }: Pick<z.output<typeof RequestInput>, 'source' | 'kind'>, caller: Caller): void {
    if (RETURN_KINDS.includes(kind)) throw new Problem('forbidden', `Messages of the kind "${kind}" are made by the Conductor when a message was answered or given up. Send another kind.`);
    if (source === undefined || source === BY_REST) return;
    if (reservedNames().has(source) || this.isPlatform(source)) throw new Problem('forbidden', `"${source}" is a part of the Conductor, and only what it brings in itself has it as its source. Leave "source" out, or name your program.`);
    // Whoever may make keys may allow itself any source.
    if (caller.role === 'admin' || source === caller.name || caller.sources?.includes(source)) return;
    const own = [caller.name, ...(caller.sources ?? [])].map((name) => `"${name}"`).join(', ');
    throw new Problem('forbidden', `The key "${caller.name}" may name as "source" only ${own}. Leave it out, or have an administrator make a key that allows "${source}" ("sources").`);
  }
}
