import { type ProblemCode, problems } from '@conductor/contracts';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiExcludeController } from './api-docs';
import { Public } from './access';
import { Problem } from './problem';

/** Where the `type` of each problem document leads. */
@ApiExcludeController()
@Controller('problems')
@Public()
export class ProblemsController {
  @Get()
  all() {
    return Object.keys(problems).map((code) => describe(code as ProblemCode));
  }

  @Get(':code')
  one(@Param('code') code: string) {
    if (!Object.hasOwn(problems, code)) throw new Problem('not-found', `There is no problem called "${code.slice(0, 64)}". All are listed at /problems.`);
    return describe(code as ProblemCode);
  }
}

const describe = (code: ProblemCode) => {
  const [status, title] = problems[code];
  return { code, status, title, then: NEXT_STEP[status] };
};

/** What to do about it, by status. */
const NEXT_STEP: Record<(typeof problems)[ProblemCode][0], string> = {
  400: 'Mend the request; "errors" names each wrong field. Sending it again unchanged does not help.',
  401: 'Send a valid key as "Authorization: Bearer <key>".',
  403: 'Use a key with a higher role.',
  404: 'Check the path and the id.',
  405: 'Use one of the methods that "Allow" names.',
  408: 'Send the request again, faster.',
  409: 'Look at the present state first; "detail" says what stands in the way.',
  413: 'Send less: a body may hold 1 MiB.',
  415: 'Send JSON, with "Content-Type: application/json".',
  421: 'Call by a name of this machine, or have the name added to CONDUCTOR_ALLOWED_HOSTS.',
  422: 'The request is well-formed but cannot be carried out; "detail" says why.',
  426: 'Use a client that speaks the protocol that "Upgrade" names.',
  429: 'Wait for the seconds given in "Retry-After".',
  431: 'Send less in headers.',
  500: 'The log of the app tells more; search it for the value of "trace".',
  502: 'See "request" for what became of the message before sending it again.',
  503: 'Nothing is wrong with the request; send it again after the seconds given in "Retry-After".',
  504: 'The message may still be carried out; ask for its state with the id in "request".',
};
