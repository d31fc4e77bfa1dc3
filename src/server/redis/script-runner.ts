/**
 * Runs scripts in Redis. Every run ends in time: node-redis would hold a command for as long as there is
 * no connection.
 *
 * A script is called by its digest. The first call on a connection brings the text, because a server
 * that was started again knows none, and calls that it had to refuse would fall behind those after
 * them. In a cluster that holds for the first node asked; any other refuses once.
 */
import { ServerError } from '../errors.js';
import { isCluster, type RedisClient, type RedisCluster, type ScriptClient } from './node-redis.js';
import type { Script } from './scripts.js';

export class ScriptRunner {
  readonly #client: RedisClient | RedisCluster;
  readonly #scripts: ScriptClient;
  readonly #timeoutMs: number;
  readonly #known = new Set<Script>();

  constructor(client: RedisClient | RedisCluster, timeoutMs: number) {
    this.#client = client;
    this.#scripts = client.withCommandOptions({ timeout: timeoutMs, typeMapping: {} });
    this.#timeoutMs = timeoutMs;
    if (isCluster(client)) client.on('node-ready', this.#forget);
    else client.on('ready', this.#forget);
  }

  close(): void {
    if (isCluster(this.#client)) this.#client.off('node-ready', this.#forget);
    else this.#client.off('ready', this.#forget);
  }

  /** @throws ServerError `unavailable`, naming `call`. */
  async run<T>(
    call: string,
    script: Script,
    keys: string[],
    args: string[],
    readReply: (reply: unknown) => T,
  ): Promise<T> {
    try {
      // Without a connection there is nothing to wait for. A cluster has many, and knows which.
      if (!isCluster(this.#client) && !this.#client.isReady) throw new Error('no connection');
      return readReply(await within(this.#timeoutMs, this.#run(script, keys, args)));
    } catch (error) {
      throw unavailable(call, error);
    }
  }

  async #run(script: Script, keys: string[], args: string[]): Promise<unknown> {
    const all = { keys, arguments: args };
    if (this.#known.has(script)) {
      try {
        return await this.#scripts.evalSha(script.sha1, all);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      }
    }
    this.#known.add(script);
    return this.#scripts.eval(script.text, all);
  }

  readonly #forget = (): void => this.#known.clear();
}

export function unavailable(call: string, error: unknown): ServerError<'unavailable'> {
  const reason = error instanceof Error ? error.message : String(error);
  return new ServerError('unavailable', { call, reason });
}

/** The promise, or a rejection when it takes too long. */
export async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
