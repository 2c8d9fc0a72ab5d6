import type { Phone } from '../devices/sessions';
import { conversationOf, type MessageIntake, refuseForeign } from '../messages/message-intake';
import type { Receipts } from '../messages/receipts';
import { asProblem } from '../platform-slot';
import type { PushChannel } from '../push-channel';
import type { PhoneFrame, ServerFrame } from './frames';

type FrameOfPhone = Exclude<PhoneFrame, { type: 'login' | 'resume' | 'ping' }>;

/** Carries out what a logged-in phone sends, and tells what it is to get in return. */
export class FrameHandler {
  constructor(
    private readonly intake: MessageIntake,
    private readonly receipts: Receipts,
    private readonly push: PushChannel,
  ) {}

  async handle(phone: Phone, frame: FrameOfPhone): Promise<ServerFrame | undefined> {
    try {
      return await this.carryOut(phone, frame);
    } catch (error) {
      const { code, detail, retryAfterSeconds } = asProblem(error);
      const id = 'id' in frame ? frame.id : undefined;
      return { type: 'rejected', ...(id !== undefined && { id }), code, detail, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
    }
  }

  private async carryOut(phone: Phone, frame: FrameOfPhone): Promise<ServerFrame | undefined> {
    switch (frame.type) {
      case 'message': {
        const { type: _, ...message } = frame;
        return { type: 'accepted', id: (await this.intake.send(phone, message)).id };
      }
      case 'delivered':
      case 'read':
        await this.receipts.take(phone, frame.id, frame.type);
        return undefined;
      case 'typing': {
        const { conversation = conversationOf(phone.user) } = frame;
        refuseForeign(conversation, phone.user);
        await this.push.publish({ type: 'typing', user: phone.user, device: phone.device, conversation });
        return undefined;
      }
    }
  }
}
