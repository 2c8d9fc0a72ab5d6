export { collectGarbageAtRest } from './collect-garbage';
export { ResidentMemory } from './resident-memory';
export { runPlatformApp } from './run-platform-app';
export { inWords } from './wishes';
