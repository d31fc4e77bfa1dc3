/** What was published and waits for its answer. */
import { checkPublish, jsonCopy } from './arguments.js';
import type { PublishOptions } from './channel.js';
import type { Position } from './core/position.js';
import type { PublishResult } from './core/vocabulary.js';
import type { Driver } from './driver.js';
import { LastseqError } from './errors.js';

export class Publishes {
  readonly #waiting = new Map<number, (result: PublishResult) => void>();
  #count = 0;

  constructor(
    private readonly driver: Driver,
    /** Of the keys of this client, that no other one has. */
    private readonly keyPrefix: string,
    /** @throws LastseqError `closed`. */
    private readonly assertOpen: () => void,
  ) {}

  async publish(
    channel: string,
    data: unknown,
    { key, timeoutMs }: PublishOptions,
  ): Promise<Position> {
    checkPublish(key, timeoutMs);
    const copy = jsonCopy(data);
    // A `toJSON` of the app may have closed us, and then nobody would answer.
    this.assertOpen();
    const id = ++this.#count;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, (result) => {
        if (result.ok) resolve(result.position);
        else reject(errorOf(result));
      });
      this.driver.start();
      this.driver.input({
        type: 'publish',
        id,
        channel,
        data: copy,
        key: key ?? `${this.keyPrefix}-${id}`,
        timeoutMs,
      });
    });
  }

  settle(id: number, result: PublishResult): void {
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }
}

function errorOf({ code, detail }: Extract<PublishResult, { ok: false }>): LastseqError {
  if (code === 'closed') return new LastseqError('closed', { what: 'the client' });
  return new LastseqError(code === 'refused' ? 'publish_refused' : code, { detail });
}
