import { join } from 'node:path';
import type { GrantedPath } from '../granted-paths';
import type { GenerationSpec, SandboxSettings } from '../spec';
import type { ParentFrame } from './protocol';
import type { RuntimeImage } from './runtime-image';

/** Where one generation lives while it runs. */
export interface RunPlaces {
  /** Empty; its own file system is mounted here. */
  readonly root: string;
  /** Its own folder, to read and write, which outlives it. */
  readonly data: string;
  /** Socket of its egress proxy, when some host was granted. */
  readonly egress?: string | undefined;
  readonly uid: number;
  /** Files of others, as they were found when this process was started. */
  readonly granted: { readonly read: readonly GrantedPath[]; readonly write: readonly GrantedPath[] };
}

interface Beginning {
  readonly spec: GenerationSpec;
  readonly image: RuntimeImage;
  readonly places: RunPlaces;
  readonly settings: SandboxSettings;
  readonly instance: string;
}

/** All that a process needs to know before the plugin in it initializes. */
export const startFrame = ({ spec, image, places, settings, instance }: Beginning): ParentFrame => ({
  type: 'start',
  platform: spec.platform,
  instance,
  entry: join(spec.folder, spec.settings.entry),
  kit: image.kit,
  config: spec.config,
  secrets: spec.secrets,
  maxFrameBytes: settings.maxFrameBytes,
  data: places.data,
  ...(places.egress !== undefined && { egress: places.egress }),
  hosts: spec.granted.net,
  readable: [image.folder, spec.folder, places.data, ...spec.granted.fs.read, ...spec.granted.fs.write],
  addons: spec.granted.addons,
});
