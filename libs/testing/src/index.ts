export { TypeScriptChild } from './child';
export { openTestContext } from './context';
export { openPlatforms, type PlatformStage } from './platform-stage';
export { RedisProxy } from './redis-proxy';
export { forget, testConfig, testNamespace, testRedisUrl } from './redis';
export { RouterDouble } from './router-double';
export { hang, ScriptedPlatform, untilAborted } from './scripted-platform';
export { until } from './until';
