import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits. The prefix lets people and secret scanners know what they have found. */
export const newSecret = (prefix: 'dev' | 'acc' | 'ref'): string => `${prefix}_${randomBytes(32).toString('base64url')}`;

/** For secrets we made ourselves and that live shortly: too long to be guessed, whatever the hash costs. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
