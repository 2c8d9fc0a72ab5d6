import type * as Swagger from '@nestjs/swagger';

/**
 * The decorators of @nestjs/swagger that we use. They take effect when somebody first asks for the API documents: until then no app
 * loads that package, which costs 9 MB and a part of the start.
 */
type Decorator = ClassDecorator & MethodDecorator;

const undescribed: Array<(swagger: typeof Swagger) => void> = [];

const later =
  (make: (swagger: typeof Swagger) => ClassDecorator | MethodDecorator): Decorator =>
  (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    undescribed.push((swagger) => void (make(swagger) as (...decorated: unknown[]) => void)(target, key, descriptor));
  };

export const ApiTags = (...tags: string[]): Decorator => later((swagger) => swagger.ApiTags(...tags));
export const ApiOperation = (options: Swagger.ApiOperationOptions): Decorator => later((swagger) => swagger.ApiOperation(options));
export const ApiResponse = (options: Swagger.ApiResponseOptions): Decorator => later((swagger) => swagger.ApiResponse(options));
export const ApiExcludeEndpoint = (): Decorator => later((swagger) => swagger.ApiExcludeEndpoint());
export const ApiExcludeController = (): Decorator => later((swagger) => swagger.ApiExcludeController());

/** Loads @nestjs/swagger and describes everything that was decorated until now. */
export const describedBySwagger = async (): Promise<typeof Swagger> => {
  const swagger = await import('@nestjs/swagger');
  for (const describe of undescribed.splice(0)) describe(swagger);
  return swagger;
};
