import { z } from 'zod';
import { AddressRanges } from './address-ranges';

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

/** Comma-separated addresses and ranges. */
export const addressRanges = () =>
  list('').superRefine((ranges, context) => {
    for (const range of ranges) {
      try {
        new AddressRanges([range]);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
      }
    }
  });

/** Comma-separated names or addresses of hosts, without ports. */
export const hostNames = () =>
  list('').superRefine((names, context) => {
    for (const name of names) {
      if (!/^(\*|(\*\.)?[\p{L}\d_-]+(\.[\p{L}\d_-]+)*\.?|\[?[\da-f:.]+\]?)$/iu.test(name)) context.addIssue({ code: 'custom', message: `"${name}" is no name of a host, such as home.example.org or *.example.org, without scheme and port` });
    }
  });

/** Comma-separated origins as browsers send them: scheme, host and port. */
export const origins = () =>
  list('').superRefine((all, context) => {
    for (const origin of all) {
      if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#\s*]+$/i.test(origin)) context.addIssue({ code: 'custom', message: `"${origin}" is no origin, such as https://app.example.org or capacitor://localhost` });
    }
  });
