import { z } from 'zod';

/** Of whom, or for which platform, messages wait. `user`: of a platform, as `<platform>/<user>`. */
export const QuotaAccount = z.object({ kind: z.enum(['key', 'plugin', 'user', 'platform']), id: z.string() });
export type QuotaAccount = z.output<typeof QuotaAccount>;

/** A sender, or a platform, of which more waits than may: what comes on top is refused. */
export const QuotaRefusal = z.object({ account: QuotaAccount, items: z.int(), bytes: z.int(), reason: z.string() });
export type QuotaRefusal = z.output<typeof QuotaRefusal>;
