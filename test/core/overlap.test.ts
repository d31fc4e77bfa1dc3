// @vitest-environment node
/** Without epochs: numbers that came live, before any answer has shown them, are known of the log too. */
import { expect, test } from 'vitest';
import { CHANNEL, LATEST, messages, Script } from '../mutants/script.js';

/** Rising numbers 1 to 3 came live; then the connection broke, and the log is asked on the next one. */
function reconnected(): Script {
  const script = new Script({ numbering: 'monotonic', epochs: false });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 }).frames([{ type: 'joined', channel: CHANNEL }]);
  script.answer(script.first('fetch').id, { head: 0, messages: [] });
  expect(script.message(1, 2, 3).told).toEqual([1, 2, 3]);
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
  script.enter({ type: 'connect' }).enter({ type: 'opened', attempt: 2 });
  return script.frames([{ type: 'joined', channel: CHANNEL }], 2);
}

/** Answers every question with what is above its `since`, as a log of `1` to `head` would. */
function settle(script: Script, head: number): unknown[] {
  const told: unknown[] = [];
  for (let i = 0; i < 20; i += 1) {
    const [fetch] = script.all('fetch');
    if (fetch === undefined) {
      script.frames([{ type: 'pong' }], 2).pass(900);
      continue;
    }
    const { seq } = fetch.request;
    const found = seq < head ? messages(seq + 1, head) : [];
    told.push(...script.answer(fetch.id, { head: Math.max(seq, head), messages: found }).told);
  }
  return told.filter((item) => item !== 'position');
}

test('a log that ends below what came live, answer after answer, has begun anew', () => {
  expect(settle(reconnected(), 2)).toEqual(['rewind', 1, 2]);
});

test('one that shows what came live has not', () => {
  expect(settle(reconnected(), 3)).toEqual([]);
  expect(settle(reconnected(), 5)).toEqual([4, 5]);
});

test('one answer that ends too early is a log that lags', () => {
  const script = reconnected();
  script.answer(script.first('fetch').id, { head: 2, messages: messages(1, 2) });
  expect(settle(script, 4)).toEqual([4]);
});

test('an empty log proves nothing', () => {
  expect(settle(reconnected(), 0)).toEqual([]);
});
