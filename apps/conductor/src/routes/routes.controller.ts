import { RouteRule, RouteTable } from '@conductor/contracts';
import { RouteStore } from '@conductor/control';
import { Answers, ApiOperation, ApiTags, Caller, Fails, Problem, Trace, ZodBody, ZodParam } from '@conductor/http';
import { InvalidRule, RoutePlanner } from '@conductor/routing';
import { Controller, Delete, Get, Inject, Put } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';

const Table = z.strictObject({ rules: RouteTable, version: z.int().optional().describe('version the change was made from; another one now refuses it') }).meta({ example: { rules: [{ id: 'help', match: { content: '(?i)^help' }, target: 'twitch', fallbacks: ['youtube'] }] } });
const Shown = z.object({ version: z.int(), rules: z.array(RouteRule) });
const RuleBody = RouteRule.omit({ id: true }).extend({ position: z.int().min(0).optional().describe('place in the order; without it the last, or where it was') }).meta({ example: { match: { content: '(?i)^help' }, target: 'twitch', fallbacks: ['youtube'] } });
const RuleId = RouteRule.shape.id;

/** The route rules, in the order in which they are asked. */
@ApiTags('routes')
@Controller('v1/routes')
export class RoutesController {
  constructor(
    @Inject(RouteStore) private readonly store: RouteStore,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The rules, in the order in which they are asked' })
  @Answers(200, Shown)
  list() {
    return { version: this.store.version, rules: this.store.rules };
  }

  @Put()
  @ApiOperation({ summary: 'Replaces all rules' })
  @Answers(200, Shown)
  @Fails('invalid-request', 'invalid-rule', 'conflict')
  replace(@ZodBody(Table) { rules, version }: z.output<typeof Table>, @Caller() caller: Caller, @Trace() trace: string) {
    return this.save('routes.replace', '*', rules, caller, trace, version);
  }

  @Put(':id')
  @ApiOperation({ summary: 'Adds a rule, or changes the one of this id' })
  @Answers(200, Shown)
  @Fails('invalid-request', 'invalid-rule', 'conflict')
  put(@ZodParam('id', RuleId) id: string, @ZodBody(RuleBody) { position, ...body }: z.output<typeof RuleBody>, @Caller() caller: Caller, @Trace() trace: string) {
    const was = this.store.rules.findIndex((rule) => rule.id === id);
    const rules = this.store.rules.filter((rule) => rule.id !== id);
    rules.splice(position ?? (was < 0 ? rules.length : was), 0, { id, ...body });
    return this.save('routes.put', id, rules, caller, trace);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Removes a rule' })
  @Answers(200, Shown)
  @Fails('not-found', 'conflict')
  remove(@ZodParam('id', RuleId) id: string, @Caller() caller: Caller, @Trace() trace: string) {
    const rules = this.store.rules.filter((rule) => rule.id !== id);
    if (rules.length === this.store.rules.length) throw new Problem('not-found', `there is no route rule ${id}`);
    return this.save('routes.delete', id, rules, caller, trace);
  }

  private async save(action: string, subject: string, rules: RouteRule[], caller: Caller, trace: string, version = this.store.version) {
    try {
      new RoutePlanner('').use(rules);
    } catch (error) {
      if (error instanceof InvalidRule) throw new Problem('invalid-rule', error.message, { cause: error });
      throw error;
    }
    const before = this.store.rules;
    if ((await this.store.save(rules, version)) === undefined) {
      throw new Problem('conflict', `the rules were changed by somebody else meanwhile (version ${this.store.version} now); read them again and repeat your change`);
    }
    await this.changes.record({ caller, action, subject, before, after: rules, trace });
    return this.list();
  }
}
