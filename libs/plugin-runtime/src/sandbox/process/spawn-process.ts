import { type ChildProcess, spawn } from 'node:child_process';
import type { Incidents } from '../incidents';
import type { GenerationSpec } from '../spec';
import type { Cgroup } from '../walls/cgroups';
import { commandFor, type LaunchMeans } from '../walls/launch';
import type { RuntimeImage } from './runtime-image';
import type { RunPlaces } from './start-frame';

/** Most threads of a process and of all that it starts. */
const THREADS = 64;

/** What is passed on to a process besides its standard output: descriptor 3 is the protocol, 4 the alarm. */
export const PROTOCOL = 3;
export const ALARM = 4;

export interface Spawned {
  readonly child: ChildProcess;
  readonly cgroup: Cgroup | undefined;
}

/** Starts a process of a generation behind every wall that there is. Nothing of the plugin runs in it yet. */
export const spawnProcess = (spec: GenerationSpec, means: LaunchMeans, image: RuntimeImage, { data, egress, root, uid, granted }: RunPlaces, incidents: Incidents): Spawned => {
  const cgroup = groupFor(spec, means, incidents);
  const [file, ...args] = commandFor(means, {
    script: [image.bootstrap],
    read: [image.folder, spec.folder, ...granted.read.map(({ path }) => path)],
    write: [data, ...granted.write.map(({ path }) => path)],
    granted: [...granted.read, ...granted.write],
    sockets: egress === undefined ? [] : [egress],
    root,
    groups: cgroup?.folders ?? [],
    uid,
    memoryMb: spec.settings.memoryMb,
    allow: spec.granted,
    permissions: true,
  });
  return { child: spawn(file, args, { cwd: data, env: {}, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'], detached: true }), cgroup };
};

const groupFor = (spec: GenerationSpec, { cgroups }: LaunchMeans, incidents: Incidents): Cgroup | undefined => {
  try {
    return cgroups?.make(spec.platform, spec.settings.memoryMb, THREADS);
  } catch (error) {
    incidents.report('start-failed', `no control group for its process: ${(error as Error).message}`, { generation: spec.id });
    return undefined;
  }
};
