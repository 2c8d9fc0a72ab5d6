import { PlatformName, RequestInput } from '@conductor/contracts';
import { BoundedPool, type PlatformContext, type PlatformStorage } from '@conductor/platform-kit';
import { z } from 'zod';
import { Allowance } from './allowance';
import type { IncidentKind } from '../incidents';
import { MAX_METRIC_NAMES, type MetricNames } from './metric-names';
import type { Ask, ChildFrame } from './protocol';
import { StorageQuota } from './storage-quota';

const Key = z.string().min(1).max(512);
const Ttl = z.int().min(1).nullish().transform((ttl) => ttl ?? undefined);
/** What one value may hold as JSON. */
const MAX_VALUE_BYTES = 262_144;
const LONGEST_LIST = 10_000;
/** Messages brought in, per second and process. */
const EMITS_PER_SECOND = 200;
const EMIT_BURST = 1_000;
/** In bytes of JSON: all that is brought in passes through the Redis that everybody shares. */
const EMIT_BYTES_PER_SECOND = 1_048_576;
const EMIT_BURST_BYTES = 8_388_608;
const MAX_LOG_FIELDS_BYTES = 16_384;
const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? 'null');
const Value = z.unknown().refine((value) => sizeOf(value) <= MAX_VALUE_BYTES, `holds more than ${MAX_VALUE_BYTES} bytes as JSON`);

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
  /** A thousand questions may come at once: what is read for them lies in our memory until it is sent. */
  private readonly reads = new BoundedPool(16);
  private readonly listReads = new BoundedPool(1);
  private readonly emits = new Allowance(EMITS_PER_SECOND, EMIT_BURST);
  private readonly emitBytes = new Allowance(EMIT_BYTES_PER_SECOND, EMIT_BURST_BYTES);

  /** @param report told what was dropped or refused, since it was too much */
  constructor(
    private readonly context: () => PlatformContext,
    private readonly metricNames: MetricNames,
    private readonly report: (kind: IncidentKind, detail: string) => void,
  ) {
    this.quota = new StorageQuota(() => context().storage);
  }

  /** @throws with a message for the plugin's author */
  async answer({ operation, args }: Ask): Promise<unknown> {
    const { storage, emit } = this.context();
    switch (operation) {
      case 'storage.get':
        return this.reads.run(() => storage.get(...checked('storage.get', args)));
      case 'storage.set':
        return this.set(storage, ...checked('storage.set', args));
      case 'storage.delete': {
        const [key] = checked('storage.delete', args);
        this.quota.release(key);
        return storage.delete(key);
      }
      case 'storage.keys':
        return this.listReads.run(() => storage.keys(checked('storage.keys', args)[0] ?? undefined));
      case 'storage.append':
        return this.append(storage, checked('storage.append', args));
      case 'storage.after':
        return this.listReads.run(() => storage.after(...checked('storage.after', args)));
      case 'storage.increment':
        return this.increment(storage, checked('storage.increment', args));
      case 'emit': {
        this.admitEmit(sizeOf(args[0]));
        const message = Emitted.safeParse(args[0]);
        if (!message.success) throw new Error(`emit: ${z.prettifyError(message.error)}`);
        return emit(message.data);
      }
    }
  }

  /** @throws Error that tells the author to wait */
  private admitEmit(bytes: number): void {
    if (!this.emits.take()) this.refuseEmit(`${EMITS_PER_SECOND} messages`);
    if (!this.emitBytes.take(bytes)) this.refuseEmit(`${EMIT_BYTES_PER_SECOND / 1_048_576} MiB of messages`);
  }

  private refuseEmit(what: string): never {
    this.report('flood', `it brings in more than ${what} a second; the rest is refused`);
    throw new Error(`emit: more than ${what} a second; wait a moment, and bring this one in again`);
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
    this.context().logger[level]({ plugin: fields === undefined || sizeOf(fields) <= MAX_LOG_FIELDS_BYTES ? (fields ?? {}) : { cut: `more than ${MAX_LOG_FIELDS_BYTES} bytes` } }, message);
  }

  metric({ kind, name, value }: Extract<ChildFrame, { type: 'metric' }>): void {
    if (!this.metricNames.admit(name)) return this.report('metric-flood', `more than ${MAX_METRIC_NAMES} names of metrics; those beyond are dropped`);
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
