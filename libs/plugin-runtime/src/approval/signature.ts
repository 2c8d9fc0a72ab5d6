import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignatureState } from '@conductor/contracts';
import { SIGNATURE_FILE } from './file-tree';

/** A signature is 64 bytes; with its file's line break and some patience. */
const LARGEST_SIGNATURE_BYTES = 1_024;

/** Public keys by a name that people know: PEM, or the 32 bytes of the key in base64. */
export type TrustedKeys = Readonly<Record<string, string>>;

/** What is signed: the integrity hash, and for what it stands, so that no other text that was signed with the key can be taken for it. */
const signed = (integrity: string) => Buffer.from(`conductor plugin ${integrity}\n`);

/** @param privateKey PEM, ed25519 @returns the content of `conductor.sig` */
export const signIntegrity = (integrity: string, privateKey: string): string => `${sign(null, signed(integrity), ed25519(createPrivateKey(privateKey))).toString('base64')}\n`;

/** Who signed these very files, as far as their keys are known here. */
export const signatureOf = async (folder: string, integrity: string, keys: TrustedKeys): Promise<SignatureState> => {
  const text = await readSignature(folder);
  if (text === undefined) return { state: 'unsigned' };
  const signature = Buffer.from(text.trim(), 'base64');
  if (signature.length !== 64) return { state: 'invalid', reason: `${SIGNATURE_FILE} holds no ed25519 signature in base64` };
  for (const [name, key] of Object.entries(keys)) if (verify(null, signed(integrity), publicKey(name, key), signature)) return { state: 'valid', key: name };
  return { state: 'invalid', reason: Object.keys(keys).length === 0 ? 'it is signed, and no key is configured to check that' : 'the signature is by none of the configured keys, or the files were changed after it was made' };
};

const readSignature = async (folder: string): Promise<string | undefined> => {
  const handle = await open(join(folder, SIGNATURE_FILE), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : null));
  if (handle === undefined) return undefined;
  if (handle === null) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LARGEST_SIGNATURE_BYTES), 0, LARGEST_SIGNATURE_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await handle.close();
  }
};

/** @throws Error that names the key, for who configured it */
const publicKey = (name: string, text: string): KeyObject => {
  try {
    const raw = Buffer.from(text, 'base64');
    return ed25519(text.includes('BEGIN') ? createPublicKey(text) : createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' }));
  } catch (error) {
    throw new Error(`the key "${name}" for plugin signatures is no ed25519 public key (PEM, or 32 bytes in base64)`, { cause: error });
  }
};

const ed25519 = (key: KeyObject): KeyObject => {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`the key is of the type ${key.asymmetricKeyType}, not ed25519`);
  return key;
};
