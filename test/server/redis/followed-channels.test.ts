import { describe, expect, it } from 'vitest';
import { FollowedChannels } from '../../../src/server/redis/followed-channels.js';
import { deferred } from '../harness.js';

const done = () => Promise.resolve();
const quiet = () => undefined;

/** The room `c`, followed with a log of which every page has to be waited for. */
async function followed() {
  const [page, asked] = [deferred(), deferred()];
  const handedOn: number[] = [];
  const subscribed: string[] = [];
  const followed = new FollowedChannels({
    announcements: {
      subscribe: (name) => Promise.resolve(void subscribed.push(name)),
      unsubscribe: done,
      close: done,
    },
    nameOf: (channel) => channel,
    partsOf: (channel) => ({
      facts: () => Promise.resolve({ epoch: 'e', head: 0, oldest: 1 }),
      read: async () => {
        asked.resolve();
        await page.promise;
        const message = { channel, epoch: 'e', seq: 1, ts: 1, from: undefined, json: '1' };
        return { epoch: 'e', head: 1, oldest: 1, messages: [message], more: false };
      },
      handOn: ({ seq }) => handedOn.push(seq),
      caughtUp: quiet,
      failed: quiet,
    }),
    failed: quiet,
    timeoutMs: 1_000,
  });
  await followed.follow('c');
  return { asked: asked.promise, followed, handedOn, release: page.resolve, subscribed };
}

describe('the channels that are followed', () => {
  it('hand on nothing that was still being read when the log was closed', async () => {
    const { asked, followed: channels, handedOn, release } = await followed();
    channels.suspectAll();
    await asked;
    const follower = channels.find('c')!;
    channels.close();
    release();
    await follower.suspect();
    expect(handedOn).toEqual([]);
  });

  it('are subscribed to again before they are looked up', async () => {
    const { asked, followed: channels, subscribed } = await followed();
    expect(subscribed).toEqual(['c']);
    channels.suspectAll();
    await asked;
    expect(subscribed).toEqual(['c', 'c']);
  });
});
