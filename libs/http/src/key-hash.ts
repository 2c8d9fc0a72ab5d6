import { createHmac, hash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { FairLimiter } from './fair-limiter';

const stretch = promisify<string, Buffer, number, Buffer>(scrypt);
const HASH_BYTES = 32;
/** Each takes 16 MiB and one of Node's four threads for some 40 ms; the other threads stay free for files and names of hosts. */
const scrypts = new FairLimiter(2);

/** What is kept of a key. */
export interface KeyHash {
  /** Base64url. */
  salt: string;
  /** Base64url, by scrypt. */
  hash: string;
  /** 16 bits of an HMAC of the key under the salt, absent where it was stored by an older version. */
  tag?: string | undefined;
}

/** A new key: 256 random bits. The prefix lets people and secret scanners know what they have found. */
export const newKeyText = (): string => `cnd_${randomBytes(32).toString('base64url')}`;

/** Names a key in memory without holding it. */
export const digestOf = (key: string): string => hash('sha256', key, 'hex');

/** What is stored beside a key's hash so that it can be found: 16 bits, which say nothing useful about the key. */
export const bucketOf = (digest: string): string => digest.slice(0, 4);

/** Presets may be guessable words, so a stolen store must not make guessing cheap: scrypt, 16 MiB and some 40 ms a guess. */
export const hashKey = async (key: string): Promise<Required<KeyHash>> => {
  const salt = randomBytes(16);
  const hashed = await scrypts.run('new', () => stretch(key, salt, HASH_BYTES));
  return { salt: salt.toString('base64url'), hash: hashed.toString('base64url'), tag: tagOf(key, salt) };
};

/**
 * Whether this is the key. A wrong one costs an HMAC and, once in 65,536 times, scrypt: who does not know the salt cannot choose keys
 * that cost more. @param name whose keys wait for one another when there are many, e.g. the id of a device
 */
export const isKeyOf = async (key: string, { salt, hash: stored, tag }: KeyHash, name: string): Promise<boolean> => {
  const salted = Buffer.from(salt, 'base64url');
  if (tag !== undefined && tagOf(key, salted) !== tag) return false;
  const hashed = await scrypts.run(name, () => stretch(key, salted, HASH_BYTES));
  return timingSafeEqual(hashed, Buffer.from(stored, 'base64url'));
};

const tagOf = (key: string, salt: Buffer): string => createHmac('sha256', salt).update(key).digest('hex').slice(0, 4);
