export { asRedisUnavailable, RedisConnections, RedisUnavailable } from './redis';
export { Resources } from './resources';
