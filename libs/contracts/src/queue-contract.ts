import type { z } from 'zod';

/** Everything the producer and the consumer of a queue must agree on. */
export interface QueueContract<Data extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly data: Data;
}

export type DataOf<C extends QueueContract> = z.output<C['data']>;

export const defineQueue = <D extends z.ZodType>(contract: QueueContract<D>) => contract;
