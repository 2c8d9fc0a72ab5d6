import { createCipheriv, createDecipheriv, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';

const PURPOSE = 'conductor sealed box 1';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Something only one process can read, wherever it passes through: X25519 with a key pair made for this one box, HKDF, AES-256-GCM.
 * @param publicKey of the reader, as `BoxKey.publicKey` gives it
 */
export const seal = (text: string, publicKey: string): string => {
  const reader = keyFrom(publicKey);
  const once = generateKeyPairSync('x25519');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', secretOf(once.privateKey, reader, raw(once.publicKey)), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([raw(once.publicKey), nonce, cipher.getAuthTag(), sealed]).toString('base64');
};

/** A pair of keys that lives as long as its process. */
export class BoxKey {
  private readonly pair = generateKeyPairSync('x25519');
  readonly publicKey = raw(this.pair.publicKey).toString('base64');

  /** @throws Error when it was sealed for another, or changed */
  open(box: string): string {
    const bytes = Buffer.from(box, 'base64');
    if (bytes.length < KEY_BYTES + NONCE_BYTES + TAG_BYTES) throw new Error('this is no sealed box');
    const sender = bytes.subarray(0, KEY_BYTES);
    const nonce = bytes.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES);
    const tag = bytes.subarray(KEY_BYTES + NONCE_BYTES, KEY_BYTES + NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', secretOf(this.pair.privateKey, keyFrom(sender.toString('base64')), sender), nonce);
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(bytes.subarray(KEY_BYTES + NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  }
}

const secretOf = (privateKey: KeyObject, publicKey: KeyObject, sender: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', diffieHellman({ privateKey, publicKey }), sender, PURPOSE, 32));

const raw = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url');

const keyFrom = (base64: string): KeyObject => createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(base64, 'base64').toString('base64url') }, format: 'jwk' });
