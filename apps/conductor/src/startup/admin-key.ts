import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppContext } from '@conductor/http';
import type { ApiKeys } from '@conductor/http';

const MODE = 0o600;

/**
 * Sees to it that there is an admin key: the preset one, else the one in `<home>/admin-key`, else a new one that is written
 * there, readable by its owner only. The store holds hashes; this file is the only place where the key itself stands.
 */
export const ensureAdminKey = async ({ config, logger }: AppContext, keys: ApiKeys): Promise<void> => {
  const file = join(config.home, 'admin-key');
  if (config.adminKey) {
    await keys.ensure(config.adminKey, { name: 'admin (preset)', role: 'admin' });
    return;
  }
  const kept = await readFile(file, 'utf8').then((text) => text.trim(), () => '');
  if (kept) {
    await keys.ensure(kept, { name: 'admin', role: 'admin' });
    return;
  }
  const { key } = await keys.create({ name: 'admin', role: 'admin' });
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  await writeFile(file, `${key}\n`, { mode: MODE });
  await chmod(file, MODE);
  logger.info({ file }, 'the first admin key was made; it stands in this file');
};
