import { chown, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISOLATION_LAYERS, type IsolationLayer } from '@conductor/config';
import { prepareRuntime, type RuntimeImage } from './process/runtime-image';
import type { SandboxProcess } from './process/sandbox-process';
import { isAlive } from './process/usage';
import { type SandboxSettings, sandboxSettings } from './spec';
import type { LaunchMeans } from './walls/launch';
import { isolationRemedy } from './walls/remedy';
import { SandboxWalls, type WallName } from './walls/walls';

/** Users that no account on this machine should have. */
const FIRST_UID = 40_000;
const UIDS = 20_000;

/** Third-party code is not run here, since this machine has not got the walls that it takes. */
export class WallsMissing extends Error {
  override readonly name = 'WallsMissing';
}

/** What all plugins of this process share: the walls, our files in their processes, who watches them. */
export class Sandbox {
  private readonly watched = new Set<SandboxProcess>();
  private readonly uids = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  private constructor(
    readonly settings: SandboxSettings,
    readonly walls: SandboxWalls,
    readonly image: RuntimeImage,
  ) {
    this.timer = setInterval(() => this.watched.forEach((process) => process.watch()), settings.watchMs).unref();
  }

  /** @param walls those found before, instead of trying them again */
  static async open(given: Partial<SandboxSettings> & Pick<SandboxSettings, 'folder'>, walls?: SandboxWalls): Promise<Sandbox> {
    const settings = sandboxSettings(given);
    await mkdir(settings.folder, { recursive: true });
    await removeLeftovers();
    const [image, found] = await Promise.all([prepareRuntime(settings.folder), walls ?? SandboxWalls.probe(settings.folder)]);
    return new Sandbox(settings, found, image);
  }

  get means(): LaunchMeans {
    return this.walls.means;
  }

  /** Why no plugin may run here at all, for a person; undefined when plugins may. */
  get refusal(): string | undefined {
    const { strict, allowMissing } = this.settings;
    const missing = this.walls.missing.filter(({ name }) => strict || (isIndispensable(name) && !(allowMissing as readonly string[]).includes(name)));
    if (missing.length === 0) return undefined;
    const which = missing.map(({ name, reason }) => `${name} (${reason})`).join('; ');
    if (strict) return `strict mode runs no plugin here, since walls are missing: ${which}`;
    const layers = missing.map(({ name }) => name).filter(isIsolationLayer);
    if (layers.length < missing.length) return `no plugin runs here, since walls are missing that nothing can stand in for: ${which}`;
    const all = [...new Set([...allowMissing, ...layers])];
    return `no plugin runs here, since this machine does not isolate its ${layers.join(', ')}: ${which}. What to do: ${isolationRemedy()}. An admin who trusts every plugin all the same sets PLUGIN_ALLOW_MISSING_ISOLATION=${all.join(',')}`;
  }

  /** Layers without which plugins run here, since an admin said so. */
  get waived(): string[] {
    return this.refusal === undefined ? this.walls.missing.map(({ name }) => name).filter(isIsolationLayer) : [];
  }

  /** @throws WallsMissing naming them */
  assertWalls(): void {
    if (this.refusal !== undefined) throw new WallsMissing(this.refusal);
  }

  /** Each plugin has a user of its own, the same at every start unless two would share one. */
  uidOf(plugin: string): number {
    const known = this.uids.get(plugin);
    if (known !== undefined) return known;
    const taken = new Set(this.uids.values());
    let uid = FIRST_UID + (hashOf(plugin) % UIDS);
    while (taken.has(uid)) uid = FIRST_UID + ((uid + 1 - FIRST_UID) % UIDS);
    this.uids.set(plugin, uid);
    return uid;
  }

  /** The folder that a platform of a plugin may write in, whatever its version. */
  async dataFolder(plugin: string, platform: string): Promise<string> {
    const folder = join(this.settings.folder, 'data', plugin.replace('/', '+'), platform);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (this.means.ownUser) await chown(folder, this.uidOf(plugin), this.uidOf(plugin));
    return folder;
  }

  watch(process: SandboxProcess): void {
    this.watched.add(process);
    void process.ended.then(() => this.watched.delete(process));
  }

  close(): void {
    clearInterval(this.timer);
    this.means.cgroups?.close();
  }
}

const isIsolationLayer = (name: string): name is IsolationLayer => (ISOLATION_LAYERS as readonly string[]).includes(name);

/** Nothing runs without these by default. Node's own walls take nothing of the machine; the others can be waived. */
const isIndispensable = (name: WallName) => isIsolationLayer(name) || name === 'permissions' || name === 'environment';

/** Folders of generations whose host was killed: nobody closes them any more. */
const removeLeftovers = async (): Promise<void> => {
  const names = await readdir(tmpdir()).catch(() => []);
  const ownerOf = (name: string) => Number(/^conductor-plugin-(\d+)-/.exec(name)?.[1]);
  for (const name of names.filter((each) => ownerOf(each) > 0 && !isAlive(ownerOf(each)))) await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
};

/** FNV-1a: spreads names, and is no secret. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0;
  return hash;
};
