import { isDeepStrictEqual } from 'node:util';
import type { MissingSecret } from '@conductor/contracts';
import { CommandRefused } from '@conductor/control';
import type { LockFile } from '../approval/lock-file';
import { at } from './refusals';
import type { RunningPlugin } from './running-plugin';
import type { SecretStore } from './secret-store';

/** @throws CommandRefused while one that was granted was not handed in */
export const grantedSecrets = async (secrets: SecretStore, name: string, granted: readonly string[]): Promise<Record<string, string>> => {
  const given = await secrets.granted(name, granted);
  const missing = granted.filter((secret) => !Object.hasOwn(given, secret));
  if (missing.length > 0) throw new CommandRefused('conflict', `${name} was granted ${missing.join(', ')}, and nobody handed ${missing.length === 1 ? 'it' : 'them'} in: PUT ${at(name)}/secrets/${missing[0]} {"value":"…"}.`);
  return given;
};

/**
 * Whether a plugin that runs would begin with other secrets now, because one was granted, taken back or handed in. What is granted and not
 * handed in yet does not count: with it, it could not begin at all.
 */
export const getsOtherSecrets = async ({ name, version, runnable, secrets: provided }: RunningPlugin, { lock, secrets, leads }: { lock: LockFile; secrets: SecretStore; leads: () => boolean }): Promise<boolean> => {
  if (runnable.manifest.conductor.permissions.secrets.length === 0) return false;
  if (!leads()) await lock.reload();
  const approval = lock.approval(name, version);
  if (approval === undefined) return false;
  const given = await secrets.granted(name, approval.secrets);
  return approval.secrets.every((secret) => Object.hasOwn(given, secret)) && !isDeepStrictEqual({ ...given }, { ...provided });
};

/** Of the secrets that a plugin asks for, those that are not granted or not handed in. */
export const missingSecrets = (name: string, asked: readonly string[], granted: readonly string[], given: readonly string[]): MissingSecret[] =>
  asked.flatMap((secret) => {
    const [isGranted, isGiven] = [granted.includes(secret), given.includes(secret)];
    const todo = [...(isGranted ? [] : [`approve it again with "${secret}" among "secrets"`]), ...(isGiven ? [] : [`hand it in: PUT ${at(name)}/secrets/${secret} {"value":"…"}`])];
    return todo.length === 0 ? [] : [{ name: secret, granted: isGranted, given: isGiven, todo: todo.join(', and ') }];
  });
