export { ConfigStore } from './config-store';
export { PluginAnswers } from './plugin-answers';
export { PluginChanges } from './plugin-changes';
export { PluginRegistry, type RegistryParts } from './plugin-registry';
export type { PlatformRunner, PlatformSwitch, TellEvent, TellStep } from './ports';
export { SecretStore } from './secret-store';
export { PluginSwaps } from './plugin-swaps';
export { type LifecycleSettings, lifecycleSettings } from './settings';
export { Shelf } from './shelf';
