export { asRedisUnavailable, RedisConnections } from './redis';
export { RedisUnavailable } from './redis-unavailable';
export { Resources } from './resources';
