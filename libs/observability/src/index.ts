export { createLogger, type Logger, NestLogger } from './logger';
export { Metrics } from './metrics';
