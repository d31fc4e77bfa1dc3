/** Entry `lastseq/server/redis`: a log in Redis, for hubs in several processes. */
export { redisLog } from './redis-log.js';
export type { RedisLog, RedisLogStats } from './redis-log.js';
export type { RedisLogOptions } from './options.js';
export type {
  AnnouncementListener,
  CommandOptions,
  RedisClient,
  RedisCluster,
  ScriptArguments,
  ScriptClient,
} from './node-redis.js';
