import { z } from 'zod';

/** A moment in a query; one that no column holds is refused here. */
export const Moment = z.union([z.coerce.number().int().min(0), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))]).describe('epoch milliseconds, or ISO 8601');
