import { describe } from 'vitest';
import { until } from '../harness.js';
import { logContract } from '../log-contract.js';
import { EVERY_WRITE_SYNCED } from '../../support/redis.mjs';
import { closing, cluster, connectedToCluster, logOn, ownPrefix, server } from './harness.js';
import { redisLog } from '../../../src/server/redis/index.js';

const bounds = { maxLength: 5, maxDataBytes: 1_000 };
const one = server();
const synced = server(EVERY_WRITE_SYNCED);
const three = cluster();

describe('the log on Redis keeps the contract when Redis is emptied: ', () => {
  logContract(async () => {
    const { client, keys, log } = await logOn(one, bounds);
    return {
      log,
      expire: async (channel) => void (await client.xTrim(keys(channel).log, 'MAXLEN', 0)),
      restart: async () => void (await client.flushAll()),
    };
  });
});

describe('the log on Redis keeps the contract when Redis is killed and has its data again: ', () => {
  logContract(async () => {
    const { client, keys, log } = await logOn(synced, bounds);
    return {
      log,
      expire: async (channel) => void (await client.xTrim(keys(channel).log, 'MAXLEN', 0)),
      restart: async () => {
        await synced.kill();
        await synced.start();
        await until(() => client.isReady);
      },
    };
  });
});

describe('the log on a cluster keeps the contract: ', () => {
  logContract(async () => {
    const client = await connectedToCluster(three.urls);
    const prefix = ownPrefix();
    const log = closing(redisLog(client, { ...bounds, prefix }));
    return {
      log,
      expire: async (channel) =>
        void (await client.xTrim(`${prefix}{${channel}}:log`, 'MAXLEN', 0)),
      restart: async () => {
        for (const { client: node } of client.masters) await node?.flushAll();
      },
    };
  });
});
