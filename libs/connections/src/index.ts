export { asRedisUnavailable, RedisConnections } from './redis';
export { isFailover } from './redis-refusal';
export { RedisUnavailable } from './redis-unavailable';
export { Resources } from './resources';
