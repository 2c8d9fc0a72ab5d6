import { reservedNames } from '@conductor/config';
import { PlatformName } from '@conductor/contracts';
import { Allow, Answers, ApiKeys, ApiOperation, ApiTags, Caller, Fails, Problem, Role, Trace, ZodBody, ZodParam } from '@conductor/http';
import { Controller, Delete, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';

const Source = PlatformName.refine((name) => !reservedNames().has(name), 'is the name of a part of the Conductor; only what that brings in has it as its source');
const NewKey = z.strictObject({
  name: z.string().min(1).max(100),
  role: Role,
  sources: z.array(Source).max(20).optional().describe('what its messages may name as their `source` besides its own name'),
});
const NewKeyBody = NewKey.meta({ example: { name: 'my bot', role: 'ingress' } });

const Known = z.object({ id: z.string(), name: z.string(), role: Role, sources: z.array(z.string()).optional(), createdAt: z.number().describe('epoch ms') });
const Made = NewKey.extend({ id: z.string(), key: z.string().describe('shown this once') });

/** API keys. A key is shown once, when it is made; only its hash is kept. */
@ApiTags('keys')
@Controller('v1/keys')
@Allow('admin')
export class KeysController {
  constructor(
    @Inject(ApiKeys) private readonly keys: ApiKeys,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Every API key, without the key itself' })
  @Answers(200, z.object({ items: z.array(Known) }))
  async list() {
    return { items: await this.keys.list() };
  }

  @Post()
  @ApiOperation({ summary: 'Makes a key, which is shown this once' })
  @HttpCode(201)
  @Answers(201, Made)
  async create(@ZodBody(NewKeyBody) input: z.output<typeof NewKey>, @Caller() caller: Caller, @Trace() trace: string) {
    const made = await this.keys.create(input);
    await this.changes.record({ caller, action: 'key.create', subject: made.id, after: input, trace });
    return { ...input, ...made };
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Revokes a key, and ends its sessions' })
  @Answers(200, z.object({ id: z.string(), revoked: z.literal(true) }))
  @Fails('not-found', 'conflict')
  async revoke(@ZodParam('id', z.string().min(1).max(64)) id: string, @Caller() caller: Caller, @Trace() trace: string) {
    if (id === caller.id) throw new Problem('conflict', 'a key cannot revoke itself; use another admin key');
    const all = await this.keys.list();
    const doomed = all.find((key) => key.id === id);
    if (!doomed) throw new Problem('not-found', `there is no key ${id}`);
    await this.keys.revoke(id);
    await this.changes.record({ caller, action: 'key.revoke', subject: id, before: { name: doomed.name, role: doomed.role }, trace });
    return { id, revoked: true };
  }
}
