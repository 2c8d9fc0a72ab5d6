import { type Failure, Outcome } from '@conductor/contracts';
import { z } from 'zod';

/*
 * What travels between the Conductor and a plugin's process, as frames of JSON over a pipe of their own. Only the Conductor
 * calls; a process answers, or asks for what belongs to its own platform. Everything that comes from a process is checked here
 * and believed no further: it can say nothing about other platforms, other processes, or messages it was not given.
 */

export type Hook = 'initialize' | 'health' | 'request' | 'webhook' | 'dependency-changed' | 'shutdown';

/** Parent to process. */
export type ParentFrame =
  | {
      type: 'start';
      platform: string;
      instance: string;
      /** File that exports the plugin. */
      entry: string;
      /** File that `@conductor/platform-kit` stands for. */
      kit: string;
      config: unknown;
      secrets: Readonly<Record<string, string>>;
      maxFrameBytes: number;
      /** Its own folder, which becomes its working folder. */
      data: string;
      /** Path of the egress proxy's socket, when some host was granted. */
      egress?: string;
      hosts: readonly string[];
      /** Folders whose modules it may load. */
      readable: readonly string[];
      addons: boolean;
    }
  | { type: 'call'; id: number; hook: Hook; input: unknown }
  | { type: 'abort'; id: number; reason: string }
  | { type: 'reply'; id: number; value?: unknown; error?: string }
  | { type: 'ping'; id: number };

const id = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const text = z.string().max(4_096);

const MAX_FAILURE_CODE = 100;

/** It goes into the trail of a message and whatever lists failures: a word and a sentence. */
const boundedFailure = (failure: Failure): Failure => ({
  ...failure,
  code: failure.code.slice(0, MAX_FAILURE_CODE).toWellFormed(),
  message: failure.message.slice(0, 2_000).toWellFormed(),
});

export const PluginFailure = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('delivery'), outcome: Outcome.refine((outcome): outcome is Failure => outcome.result !== 'done').transform(boundedFailure) }),
  z.object({ kind: z.literal('setup'), retryable: z.boolean(), message: text }),
  z.object({ kind: z.literal('error'), message: text, code: text.optional() }),
]);
export type PluginFailure = z.output<typeof PluginFailure>;

export const OPERATIONS = ['storage.get', 'storage.set', 'storage.delete', 'storage.keys', 'storage.append', 'storage.after', 'storage.increment', 'emit'] as const;

/** Process to parent. */
export const ChildFrame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('result'), id, value: z.unknown() }),
  z.strictObject({ type: z.literal('failure'), id, failure: PluginFailure }),
  z.strictObject({ type: z.literal('pong'), id }),
  z.strictObject({ type: z.literal('ask'), id, operation: z.enum(OPERATIONS), args: z.array(z.unknown()).max(4) }),
  z.strictObject({ type: z.literal('log'), level: z.enum(['debug', 'info', 'warn', 'error']), message: text, fields: z.record(z.string(), z.unknown()).optional() }),
  z.strictObject({ type: z.literal('metric'), kind: z.enum(['count', 'observe']), name: z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/i), value: z.number() }),
]);
export type ChildFrame = z.output<typeof ChildFrame>;
export type Ask = Extract<ChildFrame, { type: 'ask' }>;
