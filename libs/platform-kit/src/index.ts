export {
  DeliveryFailure, definePlugin, type DependencyChange, type PluginContext, type PluginDefinition, type PluginLogger, type PluginPlatform, pluginOf, SetupFailure, textOf, type WebhookCall, type WebhookReply,
} from './author';
export { BoundedPool } from './bounded-pool';
export { checkPlatformContract, type ContractBreach } from './platform-contract';
export { InboundPort } from './inbound-port';
export { PlatformHost } from './platform-host';
export type {
  InboundMessage, PlatformContext, PlatformDefinition, PlatformMetrics, PlatformPlugin, PlatformRequest, PlatformStorage, ProcessesOfItsOwn,
} from './platform-plugin';
