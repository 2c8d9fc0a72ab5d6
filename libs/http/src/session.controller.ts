import { Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiExcludeEndpoint, ApiTags } from './api-docs';
import { Allow, Caller, Public } from './access';
import { Admission } from './admission';
import { APP_CONTEXT, type AppContext } from './app-context';
import { loginPage } from './login-page';
import { Problem } from './problem';
import { Role } from './roles';
import { routeConfig } from './route-config';
import { localPath } from './local-path';
import { sessionCookie, sessionIdOf, Sessions } from './sessions';
import { Answers, Fails, ZodBody, ZodQuery } from './zod-body';

const LogIn = z.strictObject({ key: z.string().trim().min(1).max(512), next: z.string().max(2_048).optional() }).meta({ example: { key: 'cnd_…' } });
const LoggedIn = z.object({ id: z.string(), name: z.string(), role: Role });
const Next = z.object({ next: z.string().max(2_048).optional() });

/** Lets people log in with a key from a browser. */
@ApiTags('session')
@Controller()
export class SessionController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(APP_CONTEXT) private readonly context: AppContext,
  ) {}

  @Get('login')
  @Public()
  @ApiExcludeEndpoint()
  page(@ZodQuery(Next) query: z.output<typeof Next>, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    reply.type('text/html; charset=utf-8');
    return loginPage(this.prefixOf(request), localPath(query.next));
  }

  /** Opens a session: an http-only cookie that lasts 12 hours, or as long as the key. */
  @Post('session')
  @Public()
  @routeConfig({ form: true })
  @Answers(200, LoggedIn, 'who is logged in')
  @Fails('unauthenticated', 'forbidden', 'locked-out', 'redis-unavailable')
  async logIn(@ZodBody(LogIn) body: z.output<typeof LogIn>, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const byForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
    try {
      // Another site must not log a person in under a key of its own.
      if (this.context.entry.originOf(request.raw) === 'other') throw new Problem('forbidden', 'Log in from a page of this door.');
      const caller = await this.admission.identify(body.key, request.ip);
      reply.header('set-cookie', this.cookie(request, await this.sessions.open(caller)));
      this.context.security.tell({ action: 'session.open', subject: caller.id, key: caller, address: request.ip, trace: request.id });
      if (!byForm) return caller;
      return await reply.redirect(this.prefixOf(request) + localPath(body.next), 303);
    } catch (error) {
      if (!byForm || !(error instanceof Problem)) throw error;
      this.context.security.refused(error.code, request.ip);
      if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
      return reply.code(error.status).type('text/html; charset=utf-8').send(loginPage(this.prefixOf(request), localPath(body.next), error.detail));
    }
  }

  /** Who I am. */
  @Get('session')
  @Allow('viewer', 'ingress')
  @Answers(200, LoggedIn)
  whoAmI(@Caller() caller: Caller): Caller {
    return caller;
  }

  @Delete('session')
  @Allow('viewer', 'ingress')
  @HttpCode(204)
  async logOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const id = sessionIdOf(request.headers.cookie);
    if (id) await this.sessions.close(id);
    reply.header('set-cookie', this.cookie(request, undefined));
  }

  private cookie(request: FastifyRequest, id: string | undefined): string {
    return sessionCookie(id, request.protocol === 'https', this.prefixOf(request));
  }

  private prefixOf(request: FastifyRequest): string {
    return this.context.entry.prefixOf(request.raw);
  }
}
