import { Delivery, RequestInput } from '@conductor/contracts';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { z } from 'zod';
import { Answers, Fails, ZodBody, ZodQuery } from './zod-body';

@Controller()
class ContractController {
  @Post('requests')
  @Answers(200, Delivery)
  @Answers(202, z.object({ id: z.string(), content: z.json() }), 'accepted')
  @Fails('no-route', 'unknown-platform', 'overloaded')
  send(@ZodBody(RequestInput) body: unknown) {
    return body;
  }
  @Get('pages')
  @Answers(200, z.array(RequestInput))
  pages(@ZodQuery(z.strictObject({ limit: z.coerce.number().int().default(50).describe('how many') })) query: unknown) {
    return query;
  }
}
@Module({ controllers: [ContractController] })
export class ContractModule {}
