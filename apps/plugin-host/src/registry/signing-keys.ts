import { readTextFile } from '@conductor/config';
import type { TrustedKeys } from '@conductor/plugin-runtime';
import { z } from 'zod';

const Keys = z.record(z.string().min(1).max(64), z.string().min(1));

/** The public keys of people whose plugins are trusted. No file, no keys. @throws Error that says what is wrong with the file */
export const readSigningKeys = async (path: string): Promise<TrustedKeys> => {
  const text = await readTextFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    return Keys.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} must hold a JSON object of ed25519 public keys by name, e.g. {"acme": "<PEM, or 32 bytes in base64>"}`, { cause: error });
  }
};
