export { connectRedis, PREFIX } from "./connection.js";
export { NodeDirectory, type NodeFacts } from "./nodes.js";
export { RedisBus } from "./redis-bus.js";
export { RedisQueue, type RedisQueueOptions } from "./redis-queue.js";
export { RedisJobStore } from "./redis-store.js";
