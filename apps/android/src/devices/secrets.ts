import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const stretch = promisify<string, Buffer, number, Buffer>(scrypt);
const HASH_BYTES = 32;

/** 256 random bits. The prefix lets people and secret scanners know what they have found. */
export const newSecret = (prefix: 'dev' | 'acc' | 'ref'): string => `${prefix}_${randomBytes(32).toString('base64url')}`;

/** For secrets we made ourselves and that live shortly: too long to be guessed, whatever the hash costs. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

export interface KeyHash {
  salt: string;
  hash: string;
}

/** For keys that are kept for years. */
export const hashKey = async (key: string): Promise<KeyHash> => {
  const salt = randomBytes(16);
  return { salt: salt.toString('base64url'), hash: (await stretch(key, salt, HASH_BYTES)).toString('base64url') };
};

export const isKeyOf = async (key: string, { salt, hash }: KeyHash): Promise<boolean> =>
  timingSafeEqual(await stretch(key, Buffer.from(salt, 'base64url'), HASH_BYTES), Buffer.from(hash, 'base64url'));

/** Checked against when there is no such device, so that the time taken does not tell. */
export const NOBODYS_KEY: KeyHash = { salt: Buffer.alloc(16).toString('base64url'), hash: Buffer.alloc(HASH_BYTES).toString('base64url') };
