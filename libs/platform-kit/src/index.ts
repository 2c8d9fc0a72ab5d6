export { DeliveryFailure } from '@conductor/bus';
export { checkPlatformContract, type ContractBreach } from './platform-contract';
export { InboundPort } from './inbound-port';
export { PlatformHost } from './platform-host';
export {
  type InboundMessage, type PlatformContext, type PlatformDefinition, type PlatformMetrics, type PlatformPlugin, type PlatformRequest,
  type PlatformStorage, SetupFailure,
} from './platform-plugin';
