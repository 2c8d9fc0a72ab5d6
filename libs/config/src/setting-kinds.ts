import { z } from 'zod';

/** Port 0 takes a free port; the launcher's table and run.json tell which. */
export const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

/** Comma-separated. */
export const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) => text.split(',').map((one) => one.trim()).filter(Boolean));

/** A time in milliseconds; the name of such a variable ends with `_MS`. */
export const ms = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
