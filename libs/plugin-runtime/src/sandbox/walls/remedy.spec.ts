import { isolationRemedy, type MachineFacts } from './remedy';

const machine = (files: Record<string, string>, given: Partial<MachineFacts> = {}): MachineFacts => ({ platform: 'linux', isRoot: false, read: (path) => files[path], exists: (path) => path in files, ...given });

it.each<[string, MachineFacts, RegExp]>([
  ['Ubuntu that restricts user namespaces', machine({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' }), /AppArmor.*sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/],
  ['Ubuntu that does not', machine({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '0\n' }), /^install `unshare`/],
  ['an old Debian', machine({ '/proc/sys/kernel/unprivileged_userns_clone': '0\n' }), /kernel\.unprivileged_userns_clone=1/],
  ['a hardened machine', machine({ '/proc/sys/user/max_user_namespaces': '0\n' }, { isRoot: true }), /user\.max_user_namespaces/],
  ['a container', machine({ '/.dockerenv': '', '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '0\n' }), /^this is a container.*seccomp=docker\/plugin-host-seccomp\.json.*apparmor=unconfined(?!.*sysctl)/],
  ['a container on Ubuntu', machine({ '/.dockerenv': '', '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' }), /container.*seccomp.* on the machine .*sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/],
  ['a container on a hardened machine', machine({ '/.dockerenv': '', '/proc/sys/user/max_user_namespaces': '0\n' }), /container.*seccomp.* on the machine .*user\.max_user_namespaces/],
  ['a Podman container', machine({ '/run/.containerenv': '' }), /container.*seccomp/],
  ['a Mac', machine({}, { platform: 'darwin' }), /no namespaces: run the plugin-host on Linux/],
])('on %s it says what helps there', (_, facts, expected) => {
  expect(isolationRemedy(facts)).toMatch(expected);
});
