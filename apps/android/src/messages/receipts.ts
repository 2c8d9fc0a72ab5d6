import { Problem } from '@conductor/http';
import type { AndroidConfig } from '../android-config';
import type { PlatformSlot } from '../platform-slot';
import type { PushChannel } from '../push-channel';
import type { Phone } from '../devices/sessions';
import type { History } from './history';

export type ReceiptKind = 'delivered' | 'read';

export interface ReceiptTimes {
  deliveredAt?: number;
  readAt?: number;
}

interface Receipt {
  id: string;
  receipt: ReceiptKind;
  device: string;
  at: number;
}

/** A message can be delivered to and read on several devices. */
const RECEIPTS_PER_MESSAGE = 4;

/** Which messages have reached a phone and a person. Only ever added to, so that two devices never overwrite each other. */
export class Receipts {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly history: History,
    private readonly push: PushChannel,
    private readonly config: AndroidConfig,
  ) {}

  /** Keeps a receipt and tells the user's other devices; a second one of the same device changes nothing. */
  async take({ user, device }: Phone, id: string, receipt: ReceiptKind): Promise<void> {
    if (!(await this.history.holds(user, id))) throw new Problem('not-found', `No message with the id ${id} was sent to this user.`);
    const { storage } = this.slot;
    const times = await storage.increment(`receipt:${id}:${device}:${receipt}`, 1, this.config.rememberKeptMs);
    if (times > 1) return;
    const kept: Receipt = { id, receipt, device, at: Date.now() };
    await storage.append(listOf(user), kept, this.config.historyEntries * RECEIPTS_PER_MESSAGE);
    await this.push.publish({ type: 'receipt', user, ...kept });
  }

  /** The earliest receipts of each message, by its id. */
  async of(user: string): Promise<Map<string, ReceiptTimes>> {
    const times = new Map<string, ReceiptTimes>();
    for (const { value } of await this.slot.storage.after<Receipt>(listOf(user), 0)) {
      const of = times.get(value.id) ?? {};
      // Who has read it has also got it.
      of.deliveredAt ??= value.at;
      if (value.receipt === 'read') of.readAt ??= value.at;
      times.set(value.id, of);
    }
    return times;
  }
}

const listOf = (user: string) => `receipts:${encodeURIComponent(user)}`;
