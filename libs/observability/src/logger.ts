import { visibleJson } from '@conductor/config';
import type { LoggerService } from '@nestjs/common';
import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** Fields that may carry a secret; their values never reach a log line. */
const SECRET_FIELDS = ['authorization', 'cookie', 'password', 'token', 'accessToken', 'refreshToken', 'apiKey', 'adminKey', 'deviceKey', 'secret', 'key'];

/** JSON lines on standard output: level, time (ISO), app, pid, message, and whatever the caller adds (`trace`, `request`, `platform`). */
export const createLogger = (options: { app: string; level: string; format?: 'json' | 'pretty' }): Logger =>
  pino({
    level: options.level,
    base: { app: options.app, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: [...SECRET_FIELDS, ...SECRET_FIELDS.map((field) => `*.${field}`), '*.*.authorization', '*.*.cookie'], censor: '[secret]' },
    // Whatever a line quotes, a terminal that shows it obeys nobody but us.
    hooks: { streamWrite: options.format === 'pretty' ? (line) => indented(visibleJson(line)) : visibleJson },
    ...(options.format === 'pretty' && { transport: { target: 'pino-pretty', options: { ignore: 'pid,app', messageFormat: '{app} {msg}' } } }),
  });

/** A message of several lines cannot look like several messages. */
const indented = (line: string): string => line.replace(/"msg":"(?:[^"\\]|\\.)*"/, (message) => message.replace(/\\n(?! )/g, '\\n    '));

/** Lets Nest write into the same log. Its chatter of modules and routes is of use only when debugging. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...context: unknown[]) {
    this.logger.debug({ context: context.at(-1) }, String(message));
  }
  error(message: unknown, ...context: unknown[]) {
    if (message instanceof Error) this.logger.error({ err: message, context: context.at(-1) }, message.message);
    else this.logger.error({ context }, String(message));
  }
  warn(message: unknown, ...context: unknown[]) {
    this.logger.warn({ context: context.at(-1) }, String(message));
  }
  debug(message: unknown, ...context: unknown[]) {
    this.logger.debug({ context: context.at(-1) }, String(message));
  }
  verbose(message: unknown, ...context: unknown[]) {
    this.logger.trace({ context: context.at(-1) }, String(message));
  }
}
