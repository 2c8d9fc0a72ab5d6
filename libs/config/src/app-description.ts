import { z } from 'zod';

/**
 * The name of a folder under `apps`. Not a union of those that are there: a new app is a new folder, and no library is to be edited for it.
 * A name that no folder has is refused where it is used first (`portOf`, `appNamed`).
 */
export type AppName = string;

/** Folders are named like this, so that the name of a variable can be made of it. */
export const APP_NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Settings that are common and for some apps' eyes only. All get REDIS_URL, without which none can work. */
export const COMMON_SECRETS = ['CONDUCTOR_ADMIN_KEY', 'DATABASE_URL'] as const;

/** As `PlatformName` of the contracts, which are too large for a thin shell to load. */
const platformName = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'is no name of a platform: small letters, digits and dashes, at most 64');

const line = z.string().regex(/^[^\n|]+$/, 'must be one line without `|`, since it stands in tables');

/** What an app says of itself in `apps/<app>/app.json`. */
export const AppDescription = z
  .strictObject({
    what: line.describe('what a person gets from it, in the table at start'),
    door: line.optional().describe('what comes in at its port, in the table of settings; without it, checks of its health'),
    port: z.int().min(1).max(65_535).describe('where its door is unless <APP>_PORT says otherwise'),
    platforms: z.array(platformName).default([]).describe('the platforms it runs'),
    startUpOrder: z.int().min(1).optional().describe('start-up waits for its platforms, lower numbers first; without it they are let in when they come'),
    stopOrder: z
      .int()
      .min(0)
      .max(9)
      .default(1)
      .describe('apps of the same number stop side by side, lower numbers first: who watches (0), so that it takes a wanted stop for no outage; who carries messages out (1); who hands them on (2); who leads (3)'),
    secrets: z.array(z.enum(COMMON_SECRETS)).default([]).describe('which of the secrets that are common it gets; nobody else has them in its environment'),
    carriesMessages: z.boolean().optional().describe('may spend memory on speed while messages come; if not said, whoever runs platforms may'),
  })
  .refine(({ platforms, startUpOrder }) => startUpOrder === undefined || platforms.length > 0, { path: ['startUpOrder'], error: 'there is nothing to wait for: `platforms` names none' });
export type AppDescription = z.output<typeof AppDescription>;

/** `HEALTH_MONITOR_` of `health-monitor`: what the names of its settings begin with. */
export const prefixOf = (app: AppName): string => `${app.toUpperCase().replaceAll('-', '_')}_`;

/** The variable that sets the port of an app. */
export const portVariableOf = (app: AppName): string => `${prefixOf(app)}PORT`;
