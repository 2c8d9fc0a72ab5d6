import type { Migration } from './migration';
import { firstTables } from './0001-first-tables';
import { scaling } from './0002-scaling';
import { plugins } from './0003-plugins';
import { auditKey } from './0004-audit-key';

/** All migrations in their order. One that was released is never changed; a mistake is mended by the next one. */
export const migrations: readonly Migration[] = [firstTables, scaling, plugins, auditKey];
