export { PluginAnswers } from './plugin-answers';
export { PluginChanges } from './plugin-changes';
export { PluginRegistry, type RegistryParts } from './plugin-registry';
export type { PlatformRunner, PlatformSwitch, TellEvent, TellStep } from './ports';
export { SecretStore } from './secret-store';
export { type LifecycleSettings, lifecycleSettings } from './settings';
export { Shelf } from './shelf';
