import { createHash } from 'node:crypto';
import * as contracts from '@conductor/contracts';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type StandardSchemaConverter, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';

/** Serves `/docs` (for people), `/docs-json` and `/docs-yaml`. The document is made when it is first asked for. */
export const serveDocs = (nest: NestFastifyApplication, { title, description }: { title: string; description: string }): void => {
  const options = new DocumentBuilder()
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'an API key' }, 'key')
    .addSecurityRequirements('key')
    .addGlobalResponse({ status: 'default', description: 'a problem document (RFC 9457)', standardSchema: contracts.ProblemDocument })
    .build();
  SwaggerModule.setup('docs', nest, () => SwaggerModule.createDocument(nest, options, { standardSchemaConverter: converter() }), {
    customSiteTitle: title,
    swaggerOptions: { persistAuthorization: false },
  });
};

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
