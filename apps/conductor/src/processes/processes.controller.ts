import { ProcessState } from '@conductor/contracts';
import { Notices } from '@conductor/control';
import { Answers, ApiOperation, ApiTags, Caller, Fails, Problem, Trace, ZodParam } from '@conductor/http';
import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { ProcessBoard } from './process-board';

/** The processes on this machine, looked after by the launcher. */
@ApiTags('processes')
@Controller('v1/processes')
export class ProcessesController {
  constructor(
    @Inject(ProcessBoard) private readonly board: ProcessBoard,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The processes under the launcher' })
  @Answers(200, z.object({ items: z.array(ProcessState) }))
  async list() {
    return { items: await this.board.all() };
  }

  @Post(':app/start')
  @ApiOperation({ summary: 'Starts a quarantined or stopped process, or restarts a running one' })
  @HttpCode(202)
  @Answers(202)
  @Fails('not-found')
  async start(@ZodParam('app', z.string().max(64)) app: string, @Caller() caller: Caller, @Trace() trace: string) {
    const process = (await this.board.all()).find((known) => known.app === app);
    if (!process) throw new Problem('not-found', `the launcher runs no app called ${app}`);
    await this.notices.publish({ type: 'process-start', app });
    await this.changes.record({ caller, action: 'process.start', subject: app, before: { state: process.state }, trace });
    return { app, status: 'asked' };
  }
}
