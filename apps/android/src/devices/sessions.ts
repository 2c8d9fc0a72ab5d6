import { randomBytes } from 'node:crypto';
import { Problem } from '@conductor/http';
import { z } from 'zod';
import type { AndroidConfig } from '../android-config';
import type { PlatformSlot } from '../platform-slot';
import type { PushChannel } from '../push-channel';
import { DeviceId, type Devices, UserId } from './devices';
import type { LockOut } from './lock-out';
import { digestOf, newSecret } from './secrets';

/** A phone that has proved who it is. */
export interface Phone {
  readonly user: string;
  readonly device: string;
  /** Everything that came from one login. */
  readonly session: string;
  /** Epoch ms at which its access token ends. */
  readonly expiresAt: number;
}

/** What a phone gets when it logs in or refreshes. */
export const Tokens = z.object({
  accessToken: z.string().describe('for `Authorization: Bearer …` and the socket'),
  expiresInSeconds: z.number(),
  refreshToken: z.string().describe('works once, within 7 days'),
  user: UserId,
  deviceId: DeviceId,
});
export type Tokens = z.output<typeof Tokens>;

type Session = Pick<Phone, 'user' | 'device' | 'session'>;

/** Logins of phones: short-lived access tokens, and refresh tokens that each work once. Tokens are kept as hashes. */
export class Sessions {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly devices: Devices,
    private readonly lockOut: LockOut,
    private readonly push: PushChannel,
    private readonly config: AndroidConfig,
  ) {}

  /** @throws Problem unauthenticated, locked-out */
  async login(deviceId: string, deviceKey: string): Promise<Tokens> {
    const device = await this.devices.verify(deviceId, deviceKey);
    if (device === 'wrong') await this.lockOut.failed(deviceId);
    if (typeof device === 'string') throw new Problem('unauthenticated', 'There is no device with this id and key.');
    await this.lockOut.succeeded(deviceId);
    return this.issue({ user: device.user, device: deviceId, session: randomBytes(12).toString('base64url') });
  }

  /** Trades a refresh token for new tokens. A token that comes a second time was stolen, from whom is not known: the session ends. */
  async refresh(refreshToken: string): Promise<Tokens> {
    const { storage } = this.slot;
    const digest = digestOf(refreshToken);
    const session = await storage.get<Session>(`refresh:${digest}`);
    if (!session || !(await this.stands(session))) throw new Problem('unauthenticated', 'This refresh token is not valid (any more); log in again.');
    const uses = await storage.increment(`refresh-used:${digest}`, 1, this.config.refreshTokenMs);
    if (uses > 1) {
      await this.revoke(session.session);
      throw new Problem('unauthenticated', 'This refresh token was used before, so it may be in the wrong hands. The session was ended; log in again.');
    }
    return this.issue(session);
  }

  async logout(phone: Phone): Promise<void> {
    await this.revoke(phone.session);
  }

  /** Who shows this access token. @throws Problem unauthenticated */
  async authorise(accessToken: string | undefined): Promise<Phone> {
    const phone = accessToken === undefined ? undefined : await this.slot.storage.get<Phone>(`access:${digestOf(accessToken)}`);
    if (!phone || phone.expiresAt <= Date.now() || !(await this.stands(phone))) throw new Problem('unauthenticated', 'An access token is needed: log in, or refresh the one that ended.');
    return phone;
  }

  private async issue(session: Session): Promise<Tokens> {
    const { storage } = this.slot;
    const { accessTokenMs, refreshTokenMs } = this.config;
    const accessToken = newSecret('acc');
    const refreshToken = newSecret('ref');
    await Promise.all([
      storage.set(`access:${digestOf(accessToken)}`, { ...session, expiresAt: Date.now() + accessTokenMs } satisfies Phone, accessTokenMs),
      storage.set(`refresh:${digestOf(refreshToken)}`, session, refreshTokenMs),
    ]);
    return { accessToken, expiresInSeconds: accessTokenMs / 1_000, refreshToken, user: session.user, deviceId: session.device };
  }

  /** Whether this login was neither ended nor its device removed. */
  async stands({ session, device }: Session): Promise<boolean> {
    const [revoked, exists] = await Promise.all([this.slot.storage.get(`revoked:${session}`), this.devices.exists(device)]);
    return revoked === undefined && exists;
  }

  /** The note outlives every token of the session, also one that is being issued at this moment. */
  private async revoke(session: string): Promise<void> {
    await this.slot.storage.set(`revoked:${session}`, Date.now(), this.config.refreshTokenMs + this.config.accessTokenMs);
    await this.push.publish({ type: 'revoked', session });
  }
}
