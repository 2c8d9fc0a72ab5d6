import type { PluginCandidate } from '@conductor/contracts';
import { fingerprint } from '../approval/file-tree';
import type { LockFile } from '../approval/lock-file';
import type { TellEvent } from './ports';

/** What runs is the approved copy, whatever becomes of the folder; a person should hear of it all the same. */
export const tellChangedOnDisk = async (touched: readonly PluginCandidate[], lock: LockFile, tell: TellEvent): Promise<void> => {
  for (const one of touched) {
    const approval = one.state === 'valid' ? lock.approval(one.name, one.version) : undefined;
    if (one.state !== 'valid' || !approval) continue;
    const integrity = await fingerprint(one.folder).then((print) => print.integrity, () => 'what cannot be read');
    if (integrity === approval.integrity) continue;
    tell({ plugin: one.name, event: 'changed-on-disk', version: one.version, reason: `the files in ${one.folder} are no more those that were approved; the approved copy is what runs. Approve them anew to run them`, by: 'system' });
  }
};
