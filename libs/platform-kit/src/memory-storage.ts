import type { PlatformStorage } from './platform-plugin';

/** Storage that forgets, for the contract test. */
export class MemoryPlatformStorage implements PlatformStorage {
  private readonly values = new Map<string, unknown>();
  private readonly lists = new Map<string, Array<{ position: number; value: unknown }>>();
  private position = 0;

  async get<T>(key: string): Promise<T | undefined> {
    return this.values.get(key) as T | undefined;
  }
  async set(key: string, value: unknown): Promise<void> {
    this.values.set(key, structuredClone(value));
  }
  async delete(key: string): Promise<boolean> {
    const listed = this.lists.delete(key);
    return this.values.delete(key) || listed;
  }
  async keys(prefix = ''): Promise<string[]> {
    return [...this.values.keys(), ...this.lists.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
  async append(list: string, value: unknown, limit: number): Promise<number> {
    const entries = [...(this.lists.get(list) ?? []), { position: ++this.position, value }];
    this.lists.set(list, entries.slice(-limit));
    return this.position;
  }
  async after<T>(list: string, position: number): Promise<Array<{ position: number; value: T }>> {
    return (this.lists.get(list) ?? []).filter((entry) => entry.position > position) as Array<{ position: number; value: T }>;
  }
  async increment(key: string, by = 1): Promise<number> {
    const sum = ((this.values.get(key) as number | undefined) ?? 0) + by;
    this.values.set(key, sum);
    return sum;
  }
}
