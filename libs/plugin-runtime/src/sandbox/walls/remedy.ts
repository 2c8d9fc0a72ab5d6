import { existsSync, readFileSync } from 'node:fs';

/** What is looked at of a machine to say why no namespaces can be made on it. */
export interface MachineFacts {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** Content of a file, undefined when there is none. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
}

const THIS_MACHINE: MachineFacts = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  read: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  exists: existsSync,
};

/** What a person does on this machine so that files, network, processes and user of plugins are isolated. */
export const isolationRemedy = ({ platform, isRoot, read, exists }: MachineFacts = THIS_MACHINE): string => {
  const number = (path: string) => {
    const text = read(path);
    return text === undefined ? undefined : Number(text);
  };
  /** What the kernel as a whole forbids; a container sees it, too, and cannot change it. */
  const ofKernel = (): string | undefined => {
    // Ubuntu 23.10 and later.
    if (!isRoot && number('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === 1) {
      return 'AppArmor keeps ordinary users from user namespaces here (Ubuntu 23.10 and later): `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` allows them until the next boot, the same line in /etc/sysctl.d/60-conductor.conf for good; or give /usr/bin/unshare an AppArmor profile with `userns,`';
    }
    if (!isRoot && number('/proc/sys/kernel/unprivileged_userns_clone') === 0) return 'ordinary users may not make user namespaces here: `sudo sysctl -w kernel.unprivileged_userns_clone=1` allows them (in /etc/sysctl.d for good)';
    if (number('/proc/sys/user/max_user_namespaces') === 0) return 'this machine allows no user namespaces: `sudo sysctl -w user.max_user_namespaces=10000` does (in /etc/sysctl.d for good)';
    return undefined;
  };
  if (platform !== 'linux') return 'this system has no namespaces: run the plugin-host on Linux, in a virtual machine for instance';
  if (exists('/.dockerenv') || exists('/run/.containerenv')) {
    const onMachine = ofKernel();
    const container = 'this is a container that may not make user namespaces, or mount in them: give that one container `seccomp=docker/plugin-host-seccomp.json` and `apparmor=unconfined`, as docker/compose.yaml does, or run the plugin-host on the machine itself';
    return onMachine === undefined ? container : `${container}. Before that, on the machine that the container runs on: ${onMachine}`;
  }
  return ofKernel() ?? 'install `unshare`, `setpriv`, `mount` and `chroot` (util-linux, coreutils), and let this user make user namespaces';
};
