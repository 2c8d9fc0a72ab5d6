import { PlatformName, RequestInput } from '@conductor/contracts';
import type { PlatformContext, PlatformStorage } from '@conductor/platform-kit';
import { z } from 'zod';
import { Allowance } from './allowance';
import type { Ask, ChildFrame } from './protocol';
import { StorageQuota } from './storage-quota';

const Key = z.string().min(1).max(512);
const Ttl = z.int().min(1).nullish().transform((ttl) => ttl ?? undefined);
/** What one value may hold as JSON, in characters. */
const LARGEST_VALUE = 262_144;
const LONGEST_LIST = 10_000;
/** Messages brought in, per second and process. */
const EMITS_PER_SECOND = 200;
const EMIT_BURST = 1_000;
const sizeOf = (value: unknown) => (JSON.stringify(value) ?? 'null').length;
const Value = z.unknown().refine((value) => sizeOf(value) <= LARGEST_VALUE, `holds more than ${LARGEST_VALUE} characters as JSON`);

const Arguments = {
  'storage.get': z.tuple([Key]),
  'storage.set': z.tuple([Key, Value], Ttl).transform(([key, value, ttl]) => [key, value, ttl] as const),
  'storage.delete': z.tuple([Key]),
  'storage.keys': z.union([z.tuple([]), z.tuple([z.string().max(512).nullable()])]),
  'storage.append': z.tuple([Key, Value, z.int().min(1).max(LONGEST_LIST)], Ttl),
  'storage.after': z.tuple([Key, z.number()]),
  'storage.increment': z.tuple([Key], z.number().nullish().transform((number) => number ?? undefined)),
  emit: z.tuple([z.record(z.string(), z.unknown())]),
} as const;

/** An inbound message of a plugin. Who it comes from is not the plugin's to say. */
const Emitted = RequestInput.omit({ source: true, waitFor: true, deadlineMs: true }).extend({ target: PlatformName.optional() });

/**
 * What a plugin's process may ask of the Conductor. Everything ends in the context of its own platform: there is no way to name
 * another one, and its arguments are checked like those of a stranger.
 */
export class HostOperations {
  private readonly quota: StorageQuota;
  private readonly emits = new Allowance(EMITS_PER_SECOND, EMIT_BURST);

  constructor(private readonly context: () => PlatformContext) {
    this.quota = new StorageQuota(() => context().storage);
  }

  /** @throws with a message for the plugin's author */
  async answer({ operation, args }: Ask): Promise<unknown> {
    const { storage, emit } = this.context();
    switch (operation) {
      case 'storage.get':
        return storage.get(...checked('storage.get', args));
      case 'storage.set':
        return this.set(storage, ...checked('storage.set', args));
      case 'storage.delete': {
        const [key] = checked('storage.delete', args);
        this.quota.release(key);
        return storage.delete(key);
      }
      case 'storage.keys':
        return storage.keys(checked('storage.keys', args)[0] ?? undefined);
      case 'storage.append':
        return this.append(storage, checked('storage.append', args));
      case 'storage.after':
        return storage.after(...checked('storage.after', args));
      case 'storage.increment':
        return this.increment(storage, checked('storage.increment', args));
      case 'emit': {
        if (!this.emits.take()) throw new Error(`emit: more than ${EMITS_PER_SECOND} messages a second; wait a moment, and bring this one in again`);
        const message = Emitted.safeParse(args[0]);
        if (!message.success) throw new Error(`emit: ${z.prettifyError(message.error)}`);
        return emit(message.data);
      }
    }
  }

  private async set(storage: PlatformStorage, key: string, value: unknown, ttl: number | undefined): Promise<void> {
    await this.quota.reserve(key, sizeOf(value));
    return storage.set(key, value, ttl);
  }

  private async append(storage: PlatformStorage, args: z.output<(typeof Arguments)['storage.append']>): Promise<number> {
    const [list, value, limit] = args;
    await this.quota.reserve(list, sizeOf(value), limit);
    return storage.append(...args);
  }

  private async increment(storage: PlatformStorage, args: z.output<(typeof Arguments)['storage.increment']>): Promise<number> {
    await this.quota.reserve(args[0], 20);
    return storage.increment(...args);
  }

  log({ level, message, fields }: Extract<ChildFrame, { type: 'log' }>): void {
    // Under one name: a plugin's fields must not pass for the Conductor's own.
    this.context().logger[level]({ plugin: fields ?? {} }, message);
  }

  metric({ kind, name, value }: Extract<ChildFrame, { type: 'metric' }>): void {
    const { metrics } = this.context();
    if (kind === 'count') metrics.count(name, Math.max(0, value));
    else metrics.observe(name, value);
  }
}

const checked = <O extends keyof typeof Arguments>(operation: O, args: unknown[]): z.output<(typeof Arguments)[O]> => {
  const result = Arguments[operation].safeParse(args);
  if (!result.success) throw new Error(`${operation}: ${z.prettifyError(result.error)}`);
  return result.data as z.output<(typeof Arguments)[O]>;
};
