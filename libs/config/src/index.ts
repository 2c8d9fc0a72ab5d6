export { type AppName, type Config, ConfigurationError, configFrom, loadConfig } from './config';
export { Environment } from './environment';
