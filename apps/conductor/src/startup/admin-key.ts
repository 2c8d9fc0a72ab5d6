import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextFile } from '@conductor/config';
import type { ApiKeys, AppContext } from '@conductor/http';
import type { Changes } from '../audit/changes';

const MODE = 0o600;

/**
 * Sees to it that there is an admin key: the preset one, else the one in `<home>/admin-key`, else a new one that is written
 * there, readable by its owner only. The store holds hashes; this file is the only place where the key itself stands. A key that
 * somebody revoked stays revoked. What is registered is audited.
 * @returns whether a key was registered by this
 */
export const ensureAdminKey = async ({ config, logger }: AppContext, keys: ApiKeys, changes: Changes, why = 'start-up'): Promise<boolean> => {
  const file = join(config.home, 'admin-key');
  const register = async (key: string, name: string, from: string): Promise<'registered' | 'known' | 'revoked'> => {
    const { id, was } = await keys.ensure(key, { name, role: 'admin' });
    if (was === 'registered') await changes.record({ caller: SYSTEM, action: 'key.register', subject: id, after: { name, role: 'admin', from, why } });
    return was;
  };
  if (config.adminKey) {
    const was = await register(config.adminKey, 'admin (preset)', 'CONDUCTOR_ADMIN_KEY');
    if (was === 'revoked') logger.warn('the key in CONDUCTOR_ADMIN_KEY was revoked and is not registered again; set another one, or remove the variable');
    // Without another admin key nobody could come in any more; then the file gets a new one.
    if (was !== 'revoked' || (await keys.list()).some(({ role }) => role === 'admin')) return was === 'registered';
  }
  const kept = await readTextFile(file).then((text) => text.trim(), () => '');
  if (kept) {
    const was = await register(kept, 'admin', 'admin-key');
    if (was !== 'revoked') return was === 'registered';
    logger.warn({ file }, 'the key in this file was revoked and is not registered again');
    if ((await keys.list()).some(({ role }) => role === 'admin')) return false;
  }
  const { id, key } = await keys.create({ name: 'admin', role: 'admin' });
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  await writeFile(file, `${key}\n`, { mode: MODE });
  await chmod(file, MODE);
  await changes.record({ caller: SYSTEM, action: 'key.create', subject: id, after: { name: 'admin', role: 'admin', from: 'admin-key', why } });
  logger.info({ file }, kept ? 'no admin key stood any more; a new one was made, it stands in this file' : 'the first admin key was made; it stands in this file');
  return true;
};

const SYSTEM = { name: 'conductor', role: 'system' } as const;
