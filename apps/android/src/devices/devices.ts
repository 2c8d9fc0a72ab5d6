import { randomBytes } from 'node:crypto';
import { hashKey, isKeyOf, type KeyHash } from '@conductor/http';
import { z } from 'zod';
import type { PlatformSlot } from '../platform-slot';
import type { PushChannel } from '../push-channel';
import { digestOf, newSecret } from './secrets';

/** Shorter than an id elsewhere, since `android_<user>` names a conversation. */
export const UserId = z.string().min(1).max(200);
export const DeviceId = z.string().regex(/^dev-[0-9a-f]{16}$/, 'is not the id of a device');

export const Device = z.object({ deviceId: DeviceId, user: UserId, name: z.string().optional(), createdAt: z.number().describe('epoch ms') });
export type Device = z.output<typeof Device>;

type Stored = Device & { key: KeyHash };

const MAX_KNOWN = 10_000;

/** The phones that may log in. */
export class Devices {
  /** The digest of a key that was shown and right, by its hash: a device has one key, so every other one is wrong without hashing it. */
  private readonly known = new Map<string, string>();

  constructor(
    private readonly slot: PlatformSlot,
    private readonly push: PushChannel,
  ) {}

  /** @returns the device's key too: here and never again */
  async create(user: string, name?: string): Promise<Device & { deviceKey: string }> {
    const deviceKey = newSecret('dev');
    const device: Device = { deviceId: `dev-${randomBytes(8).toString('hex')}`, user, ...(name !== undefined && { name }), createdAt: Date.now() };
    await this.slot.storage.set(keyOf(device.deviceId), { ...device, key: await hashKey(deviceKey) } satisfies Stored);
    return { ...device, deviceKey };
  }

  /** Oldest first. */
  async list(user?: string): Promise<Device[]> {
    const { storage } = this.slot;
    const stored = await Promise.all((await storage.keys(PREFIX)).map((key) => storage.get<Stored>(key)));
    return stored
      .filter((device) => device !== undefined && (user === undefined || device.user === user))
      .map((device) => Device.parse(device))
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  async exists(deviceId: string): Promise<boolean> {
    return (await this.slot.storage.get(keyOf(deviceId))) !== undefined;
  }

  /** Takes a device away. Its tokens are void with it, since every use of one looks for its device; its sockets are closed. */
  async remove(deviceId: string): Promise<boolean> {
    const removed = await this.slot.storage.delete(keyOf(deviceId));
    await this.push.publish({ type: 'revoked', device: deviceId });
    return removed;
  }

  /** Whose key this is: `wrong` is one of a device that exists. What nobody registered costs one look and leaves nothing behind. */
  async verify(deviceId: string, deviceKey: string): Promise<Device | 'wrong' | 'unknown'> {
    const stored = await this.slot.storage.get<Stored>(keyOf(deviceId));
    if (!stored) return 'unknown';
    return (await this.isRight(stored, deviceKey)) ? Device.parse(stored) : 'wrong';
  }

  private async isRight({ deviceId, key }: Stored, shown: string): Promise<boolean> {
    const digest = digestOf(shown);
    const known = this.known.get(key.hash);
    if (known !== undefined) return known === digest;
    if (!(await isKeyOf(shown, key, deviceId))) return false;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(key.hash, digest);
    return true;
  }
}

const PREFIX = 'device:';
const keyOf = (deviceId: string) => PREFIX + deviceId;
