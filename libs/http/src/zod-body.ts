import { applyDecorators, type ArgumentMetadata, Body, HttpCode, Param, type PipeTransform, Query } from '@nestjs/common';
import { type ProblemCode, ProblemDocument, problems } from '@conductor/contracts';
import type { z } from 'zod';
import { ApiResponse } from './api-docs';
import { invalidBody, invalidRequest } from './validation-errors';

/**
 * Checks every parameter that names a schema (`@Body({ schema })`, or shorter `@ZodBody(Schema)`) and hands on the parsed value.
 * Nest's own pipe for standard schemas does the same with a promise more, and without zod's nested issues.
 */
export class ZodPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const schema = metadata.schema as z.ZodType | undefined;
    if (!schema) return value;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    if (metadata.type === 'body') throw invalidBody(parsed.error.issues, schema.meta()?.['example']);
    throw metadata.type === 'param' ? invalidRequest(parsed.error.issues, 'path', metadata.data) : invalidRequest(parsed.error.issues, metadata.type);
  }
}

/** The JSON body, checked against `schema` and described in the API documents. Its `example` (`.meta()`) is shown to who sends a wrong one. */
export const ZodBody = (schema: z.ZodType): ParameterDecorator => Body({ schema });

/** The query, checked against `schema`. Its values arrive as strings: use `z.coerce` or `z.stringbool`. */
export const ZodQuery = (schema: z.ZodType): ParameterDecorator => Query({ schema });

/** One part of the path, checked against `schema`. */
export const ZodParam = (name: string, schema: z.ZodType): ParameterDecorator => Param(name, { schema });

/**
 * Documents an answer and its shape. Of several, the topmost decorator with a 2xx status also sets the status that the handler
 * answers with unless it chooses another.
 */
export const Answers = (status: number, schema?: z.ZodType, description?: string): MethodDecorator =>
  applyDecorators(
    ApiResponse({ status, description: description ?? schema?.description ?? '', ...(schema && { standardSchema: schema }) }),
    ...(status >= 200 && status < 300 ? [HttpCode(status)] : []),
  );

/** Documents the problems that a handler may answer with. */
export const Fails = (...codes: [ProblemCode, ...ProblemCode[]]): MethodDecorator => {
  const statuses = [...new Set(codes.map((code) => problems[code][0]))];
  const wordingOf = (status: number) =>
    codes
      .filter((code) => problems[code][0] === status)
      .map((code) => `\`${code}\`: ${problems[code][1]}`)
      .join('; ');
  return applyDecorators(...statuses.map((status) => ApiResponse({ status, standardSchema: ProblemDocument, description: wordingOf(status) })));
};
