import { Accepted } from '@conductor/contracts';
import { Answers, ApiTags, Fails, Public, ZodBody, ZodQuery } from '@conductor/http';
import { Controller, Get, Post, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CallingPhone, PhoneGuard } from '../devices/phone.guard';
import type { Phone } from '../devices/sessions';
import { History } from './history';
import { HistoryItem } from './history-item';
import { MessageIntake, PhoneMessage, WaitMs } from './message-intake';
import { Receipts } from './receipts';

const NewMessage = PhoneMessage.extend({
  waitForAnswer: z.boolean().default(false),
  deadlineMs: WaitMs.optional().describe('with `waitForAnswer`: how long to wait, 5000 when not given'),
}).meta({ example: { content: 'Hello!', waitForAnswer: true } });
const Answered = z.object({ id: z.string(), status: z.literal('answered'), answer: HistoryItem });
const HistoryQuery = z.strictObject({ after: z.coerce.number().int().min(0).default(0), limit: z.coerce.number().int().min(1).max(1_000).default(1_000) });
const HistoryPage = z.object({
  items: z.array(HistoryItem.extend({ deliveredAt: z.number().optional().describe('epoch ms, when the first phone got it'), readAt: z.number().optional() })),
  next: z.number().describe('position to ask from next time'),
});

/** What a phone does without a socket. */
@ApiTags('messages')
@Public()
@UseGuards(PhoneGuard)
@Controller('v1/messages')
export class MessagesController {
  constructor(
    private readonly intake: MessageIntake,
    private readonly history: History,
    private readonly receipts: Receipts,
  ) {}

  /** Sends a message. The answer goes to every open socket of the user and into the history, and here to whoever waits for it. */
  @Post()
  @Answers(202, Accepted, 'it is safely kept')
  @Answers(200, Answered, 'the answer, with `waitForAnswer`')
  @Fails('invalid-request', 'unauthenticated', 'forbidden', 'id-conflict', 'rate-limited', 'quota-exceeded', 'platform-unavailable', 'redis-unavailable', 'delivery-failed', 'deadline-exceeded')
  async send(@CallingPhone() phone: Phone, @ZodBody(NewMessage) body: z.output<typeof NewMessage>, @Res({ passthrough: true }) reply: FastifyReply) {
    const { waitForAnswer, deadlineMs, ...message } = body;
    if (waitForAnswer) {
      const answer = await this.intake.ask(phone, message, deadlineMs);
      reply.code(200);
      return { id: answer.inReplyTo!, status: 'answered', answer } satisfies z.output<typeof Answered>;
    }
    const { id } = await this.intake.send(phone, message);
    return { id, status: 'accepted' } satisfies Accepted;
  }

  /** What was sent to this user, in order. */
  @Get()
  @Answers(200, HistoryPage)
  @Fails('invalid-request', 'unauthenticated', 'platform-unavailable', 'redis-unavailable')
  async list(@CallingPhone() { user }: Phone, @ZodQuery(HistoryQuery) { after, limit }: z.output<typeof HistoryQuery>): Promise<z.output<typeof HistoryPage>> {
    const [all, receipts] = await Promise.all([this.history.after(user, after), this.receipts.of(user)]);
    const items = all.slice(0, limit).map((item) => ({ ...item, ...receipts.get(item.id) }));
    return { items, next: items.at(-1)?.position ?? after };
  }
}
