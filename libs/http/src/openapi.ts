import { createHash } from 'node:crypto';
import * as contracts from '@conductor/contracts';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject, StandardSchemaConverter } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { describedBySwagger } from './api-docs';
import type { HttpEntry } from './http-entry';

export interface DocsOptions {
  title: string;
  description: string;
}

/** Serves `/docs` (for people), `/docs-json` and `/docs-yaml`. What serves them is made when they are first asked for. */
export const serveDocs = (nest: NestFastifyApplication, options: DocsOptions, entry: HttpEntry): void => {
  let pages: Promise<FastifyInstance> | undefined;
  const answer = async ({ url, raw }: FastifyRequest, reply: FastifyReply) => {
    const page = await (await (pages ??= openPages(nest, options))).inject({ method: 'GET', url, headers: { [PREFIX]: entry.prefixOf(raw) } });
    return reply.code(page.statusCode).type(page.headers['content-type'] ?? 'text/plain').send(page.rawPayload);
  };
  const fastify = nest.getHttpAdapter().getInstance();
  for (const path of ['/docs', '/docs/*', '/docs-json', '/docs-yaml']) fastify.get(path, answer);
};

/** Tells the app inside under which path it is served. */
const PREFIX = 'x-prefix';

/** An app without a door, which is asked from inside: routes cannot be added to one whose door is open. */
const openPages = async (nest: NestFastifyApplication, { title, description }: DocsOptions): Promise<FastifyInstance> => {
  const { DocumentBuilder, SwaggerModule } = await describedBySwagger();
  const options = new DocumentBuilder()
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'an API key' }, 'key')
    .addSecurityRequirements('key')
    .addGlobalResponse({ status: 'default', description: 'a problem document (RFC 9457)', standardSchema: contracts.ProblemDocument })
    .build();
  class PagesModule {}
  const pages = await NestFactory.create<NestFastifyApplication>({ module: PagesModule }, new FastifyAdapter(), { logger: false });
  SwaggerModule.setup('docs', pages, asProblems(SwaggerModule.createDocument(nest, options, { standardSchemaConverter: converter() })), {
    customSiteTitle: title,
    swaggerOptions: { persistAuthorization: false },
    patchDocumentOnRequest: (request, _reply, document) => {
      const prefix = (request as FastifyRequest).headers[PREFIX];
      return prefix ? { ...document, servers: [{ url: String(prefix) }] } : document;
    },
  });
  await pages.init();
  await pages.getHttpAdapter().getInstance().ready();
  return pages.getHttpAdapter().getInstance();
};

/** Errors are told under a media type of their own, which Nest has no way to say for some answers only. */
const asProblems = (document: OpenAPIObject): OpenAPIObject => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path as Record<string, { responses?: Record<string, { content?: Content }> }>));
  for (const { responses = {} } of operations) {
    for (const response of Object.values(responses)) {
      const json = response.content?.['application/json'];
      if (json?.schema?.$ref === '#/components/schemas/ProblemDocument') response.content = { 'application/problem+json': json };
    }
  }
  return document;
};

type Content = Record<string, { schema?: { $ref?: string } }>;

/** Turns zod schemas into OpenAPI ones; those of the contracts become components under their own names. */
const converter = (): StandardSchemaConverter => {
  nameContracts();
  const taken = new Map<string, string>();
  return (schema, { schemaType }) => {
    if (!(schema instanceof z.ZodType)) return undefined;
    const { definitions = {}, ...root } = z.toJSONSchema(schema, { target: 'openapi-3.0', io: schemaType, unrepresentable: 'any' }) as Definitions;
    const names = new Map(Object.entries(definitions).map(([name, definition]) => [name, componentName(name, JSON.stringify(definition), schemaType, taken)]));
    const renamed = (value: unknown) =>
      JSON.parse(JSON.stringify(value), (key, inner: unknown) => (key === '$ref' && typeof inner === 'string' ? `#/components/schemas/${names.get(inner.slice('#/definitions/'.length))}` : inner)) as unknown;
    return {
      schema: renamed(root),
      components: Object.fromEntries(Object.entries(definitions).map(([name, definition]) => [names.get(name)!, renamed(definition)])),
    };
  };
};

type Definitions = { definitions?: Record<string, unknown> } & Record<string, unknown>;

/** A schema may read differently going in (defaults are optional) and coming out; then it is two components. */
const componentName = (given: string, text: string, schemaType: 'input' | 'output', taken: Map<string, string>): string => {
  // zod numbers nameless recursive schemas from 0 in each document; here they meet in one.
  const name = given.startsWith('__schema') ? `Value${createHash('sha256').update(text.replaceAll(given, '')).digest('hex').slice(0, 6)}` : given;
  for (const candidate of [name, `${name}${schemaType === 'input' ? 'Input' : 'Output'}`, `${name}${createHash('sha256').update(text).digest('hex').slice(0, 6)}`]) {
    const before = taken.get(candidate);
    if (before === undefined || before === text) {
      taken.set(candidate, text);
      return candidate;
    }
  }
  return name;
};

const nameContracts = (): void => {
  for (const [name, value] of Object.entries(contracts)) {
    if (!(value instanceof z.ZodType)) continue;
    const known = z.globalRegistry.get(value);
    if (known?.id === undefined) z.globalRegistry.add(value, { ...known, id: name });
  }
};
