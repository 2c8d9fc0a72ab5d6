export { AllowedHosts } from './allowed-hosts';
export { collectGarbageAtRest } from './collect-garbage';
export { connectionTimeouts, limitConnections, networkOf } from './connection-limits';
export { ResidentMemory } from './resident-memory';
export { runPlatformApp } from './run-platform-app';
export { inWords } from './wishes';
