import { PhoneLine } from '../../apps/android/src/testing/phone';
import { call, type Said } from './door';
import type { System } from './system';

interface Page {
  items: Array<{ position: number; type: string; id: string; inReplyTo?: string; content: unknown }>;
  next: number;
}

/** A phone of one user: logged in, and able to speak and listen. */
export class Phone {
  readonly lines: PhoneLine[] = [];

  private constructor(
    private readonly system: System,
    readonly user: string,
    readonly device: { deviceId: string; deviceKey: string },
    private token: string,
  ) {}

  /** An operator makes a device, its owner logs in. */
  static async of(system: System, user: string): Promise<Phone> {
    const made = await system.post<{ deviceId: string; deviceKey: string }>('android', '/v1/devices', { user, name: 'a phone' });
    const phone = new Phone(system, user, made.body, '');
    await phone.logIn();
    return phone;
  }

  async logIn(): Promise<void> {
    const { status, body } = await this.ask<{ accessToken: string }>('/v1/login', { method: 'POST', body: { deviceId: this.device.deviceId, deviceKey: this.device.deviceKey } });
    if (status !== 200) throw new Error(`the phone cannot log in: ${JSON.stringify(body)}`);
    this.token = body.accessToken;
  }

  /** Opens a socket. @param after the last position it has seen */
  async connect(after?: number): Promise<PhoneLine> {
    const line = new PhoneLine(`${this.system.url('android')}/v1/socket${after === undefined ? '' : `?after=${after}`}`, [], { headers: { authorization: `Bearer ${this.token}` } });
    this.lines.push(line);
    await line.next('ready');
    return line;
  }

  /** Everything that was sent to its user. */
  async history(after = 0): Promise<Page> {
    const { status, body } = await this.ask<Page>(`/v1/messages?after=${after}`);
    if (status !== 200) throw new Error(`no history: ${JSON.stringify(body)}`);
    return body;
  }

  ask<T = Record<string, unknown>>(path: string, options: { method?: string; body?: unknown } = {}): Promise<Said<T>> {
    return call<T>(this.system.url('android') + path, { key: this.token, ...options });
  }

  async hangUp(): Promise<void> {
    await Promise.all(this.lines.splice(0).map((line) => line.hangUp()));
  }
}
