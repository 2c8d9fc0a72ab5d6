export { AddressRanges, plainAddress } from './address-ranges';
export { type AppName, portVariableOf, prefixOf } from './app-description';
export { appNamed, type DescribedApp, findApps } from './apps';
export { reservedNames, reservedPlatforms } from './reserved-names';
export { type Config, configFrom, loadConfig, portOf, settingNames, settingNamesOf, settingsOf } from './config';
export { ConfigurationError } from './configuration-error';
export { type Environment, environmentOf, ISOLATION_LAYERS, type IsolationLayer } from './environment';
export { choice, list, ms, number } from './setting-kinds';
export { escapedJson, visibleJson, visibleText } from './visible-text';
