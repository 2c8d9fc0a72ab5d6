/** Which methods each path takes, for callers who come with another one. */
export class RouteMethods {
  private readonly methods = new Map<string, Set<string>>();

  /** @param pattern as Fastify has it: `/v1/requests/:id`, `/docs/*` */
  add(pattern: string, methods: readonly string[]): void {
    const known = this.methods.get(pattern) ?? new Set();
    this.methods.set(pattern, known);
    for (const method of methods) known.add(method);
  }

  /** In alphabetical order; empty when there is no such path. */
  of(path: string): string[] {
    const parts = path.split('/');
    const matching = [...this.methods].filter(([pattern]) => matches(pattern.split('/'), parts));
    return [...new Set(matching.flatMap(([, methods]) => [...methods]))].sort();
  }
}

const matches = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.at(-1) === '*' ? startsLike(pattern.slice(0, -1), path) : pattern.length === path.length && startsLike(pattern, path);

const startsLike = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.every((part, index) => (part.startsWith(':') ? Boolean(path[index]) : part === path[index]));
