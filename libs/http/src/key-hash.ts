import { hash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const stretch = promisify<string, Buffer, number, Buffer>(scrypt);
const HASH_BYTES = 32;

/** A new key: 256 random bits. The prefix lets people and secret scanners know what they have found. */
export const newKeyText = (): string => `cnd_${randomBytes(32).toString('base64url')}`;

/** Names a key in memory without holding it. */
export const digestOf = (key: string): string => hash('sha256', key, 'hex');

/** What is stored beside a key's hash so that it can be found: 16 bits, which say nothing useful about the key. */
export const bucketOf = (digest: string): string => digest.slice(0, 4);

/** Presets may be guessable words, so a stolen store must not make guessing cheap: scrypt, 16 MiB and some 40 ms a guess. */
export const hashKey = async (key: string): Promise<{ salt: string; hash: string }> => {
  const salt = randomBytes(16);
  return { salt: salt.toString('base64url'), hash: (await stretch(key, salt, HASH_BYTES)).toString('base64url') };
};

export const isKeyOf = async (key: string, record: { salt: string; hash: string }): Promise<boolean> =>
  timingSafeEqual(await stretch(key, Buffer.from(record.salt, 'base64url'), HASH_BYTES), Buffer.from(record.hash, 'base64url'));
