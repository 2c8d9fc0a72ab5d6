import type { PlatformStorage } from '@conductor/platform-kit';

const MOST_BYTES = 32 * 1_048_576;
const MOST_KEYS = 10_000;
/** Keys that ended by themselves are noticed by measuring anew, at most this often. */
const MEASURE_AGAIN_MS = 5_000;

/** What a plugin would keep is more than it may. The message is for its author. */
export class StorageFull extends Error {
  override readonly name = 'StorageFull';
}

/**
 * How much a platform keeps, so that none can fill the store that all share. Counted as it is written, in bytes of JSON and of its keys, by this
 * process alone: with several hosts each of them allows as much.
 */
export class StorageQuota {
  private readonly sizes = new Map<string, number>();
  private total = 0;
  private measuredAt = -Infinity;
  private measuring?: Promise<void> | undefined;

  constructor(private readonly storage: () => PlatformStorage) {}

  /**
   * Makes room for a value.
   * @param entries of that size, for a list
   * @throws StorageFull
   */
  async reserve(key: string, size: number, entries = 1): Promise<void> {
    if (this.measuredAt === -Infinity) await this.measure();
    if (!this.fits(key, size * entries) && performance.now() - this.measuredAt > MEASURE_AGAIN_MS) await this.measure();
    if (!this.fits(key, size * entries)) {
      throw new StorageFull(`the storage of this platform is full: ${this.sizes.size} of ${MOST_KEYS} keys and ${Math.ceil(this.total / 1_048_576)} of ${MOST_BYTES / 1_048_576} MiB are in use. Delete something, or let it end by itself`);
    }
    this.note(key, Math.max(size * entries, entries > 1 ? (this.sizes.get(key) ?? 0) - Buffer.byteLength(key) : 0));
  }

  release(key: string): void {
    this.total -= this.sizes.get(key) ?? 0;
    this.sizes.delete(key);
  }

  private fits(key: string, size: number): boolean {
    return this.total - (this.sizes.get(key) ?? 0) + size + Buffer.byteLength(key) <= MOST_BYTES && (this.sizes.has(key) || this.sizes.size < MOST_KEYS);
  }

  private note(key: string, size: number): void {
    this.release(key);
    const withKey = size + Buffer.byteLength(key);
    this.sizes.set(key, withKey);
    this.total += withKey;
  }

  private measure(): Promise<void> {
    return (this.measuring ??= this.measureNow().finally(() => delete this.measuring));
  }

  private async measureNow(): Promise<void> {
    const storage = this.storage();
    const keys = await storage.keys();
    this.sizes.clear();
    this.total = 0;
    for (const key of keys) {
      // A key is a value or a list; asking for the wrong one is an error.
      const kept = await storage.get(key).catch(() => storage.after(key, 0));
      this.note(key, Buffer.byteLength(JSON.stringify(kept ?? null)));
    }
    this.measuredAt = performance.now();
  }
}
