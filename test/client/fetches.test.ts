// Recovery calls over HTTP, from the question to the answer or the end of it.
import { expect, test } from 'vitest';
import type { HistoryQuestion } from '../../src/testing/index.js';
import { setup } from './harness.js';

/** A client that asks its log over HTTP, and is never answered. */
function asking() {
  const questions: HistoryQuestion[] = [];
  const world = setup({
    options: { recover: 'https://example.test/recover' },
    ports: {
      history: {
        fetch: (question) => {
          questions.push(question);
          return new Promise(() => undefined);
        },
      },
    },
  });
  world.publishTo(3);
  const channel = world.room({ start: 'earliest' });
  channel.subscribe(() => undefined);
  return { ...world, channel, questions };
}

test.each<[string, (world: ReturnType<typeof asking>) => unknown]>([
  ['the handle is closed', ({ channel }) => channel.close()],
  ['the client is closed', ({ client }) => client.close()],
  ['it takes too long', () => undefined],
])('a call is called off when %s', async (_, end) => {
  const world = asking();
  await world.pass();
  const [question] = world.questions;
  expect(question).toMatchObject({ channel: 'room', seq: 0 });
  expect(question?.signal.aborted).toBe(false);
  void end(world);
  await world.pass(30_000);
  expect(question?.signal.aborted).toBe(true);
});

test('what kept a call from being answered is told once, in its own words', async () => {
  const { errors, reports, room, publishTo, pass } = setup({
    options: { recover: 'https://example.test/recover', logger: (entry) => log.push(entry) },
    ports: { history: { fetch: () => Promise.resolve({ status: 0, detail: 'no route' }) } },
  });
  const log: unknown[] = [];
  publishTo(3);
  const channel = room({ start: 'earliest' });
  channel.subscribe(() => undefined);
  await pass();
  expect(channel.state).toMatchObject({ name: 'stalled', reason: 'recovery' });
  expect(log).toContainEqual(
    expect.objectContaining({ event: 'answered', status: 0, detail: 'no route' }),
  );
  // The network may be back any moment: that is no defect of anybody's.
  expect([errors, reports]).toEqual([[], []]);
});
