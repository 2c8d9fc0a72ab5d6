import type { App } from './apps';
import { commandOf, isAlive, killGroup, untilGone } from './process-facts';
import type { Run } from './run-file';
import { appOf } from './wanted-processes';

/**
 * Apps of a launcher that was killed end by themselves, but take a moment to drain, and keep their ports until then.
 * Waits for them, and kills those that hang.
 */
export const untilLeftoversAreGone = async (run: Run | undefined, apps: readonly App[], graceMs: number, say: (line: string) => void): Promise<void> => {
  const left = Object.entries(run?.apps ?? {}).flatMap(([name, { pid }]) => {
    const app = apps.find((one) => one.name === appOf(name));
    return app && pid !== undefined && isAlive(pid) && commandOf(pid).includes(app.entry) ? [{ name, pid }] : [];
  });
  if (left.length === 0) return;
  say(`The last run ended without a stop; waiting for ${left.map(({ name }) => name).join(', ')} to finish …`);
  await Promise.all(
    left.map(async ({ pid }) => {
      if (!(await untilGone(pid, graceMs))) killGroup(pid);
      await untilGone(pid, 1_000);
    }),
  );
};
