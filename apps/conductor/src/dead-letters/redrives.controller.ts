import { RedriveTask } from '@conductor/contracts';
import { Answers, ApiOperation, ApiTags, Caller, Fails, Problem, Trace, ZodParam } from '@conductor/http';
import { Controller, Delete, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { RedriveTasks } from './redrive-tasks';

const TaskId = z.string().regex(/^redrive-[\w-]{1,64}$/);

/** Redrives: how far they are, and how to stop them. */
@ApiTags('dead letters')
@Controller('v1/redrives')
export class RedrivesController {
  constructor(
    @Inject(RedriveTasks) private readonly redrives: RedriveTasks,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The latest redrives, newest first' })
  @Answers(200, z.object({ items: z.array(RedriveTask) }))
  async list() {
    return { items: await this.redrives.all() };
  }

  @Get(':id')
  @ApiOperation({ summary: 'How far a redrive is' })
  @Answers(200, RedriveTask)
  @Fails('not-found')
  async one(@ZodParam('id', TaskId) id: string): Promise<RedriveTask> {
    const task = await this.redrives.one(id);
    if (!task) throw new Problem('not-found', `there is no redrive ${id}`);
    return task;
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Stops it; what was sent already stays sent' })
  @Answers(200, RedriveTask)
  @Fails('not-found')
  async cancel(@ZodParam('id', TaskId) id: string, @Caller() caller: Caller, @Trace() trace: string): Promise<RedriveTask> {
    const task = await this.redrives.cancel(id);
    if (!task) throw new Problem('not-found', `there is no redrive ${id}`);
    await this.changes.record({ caller, action: 'redrive.cancel', subject: id, after: task, trace });
    return task;
  }
}
