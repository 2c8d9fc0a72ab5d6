export { Lease } from './lease';
export { Notices } from './notices';
export { PlatformDirectory } from './platform-directory';
export { Presences } from './presences';
export { Replica } from './replica';
export { RouteStore } from './route-store';
export { StartupPhases } from './startup-phase';
