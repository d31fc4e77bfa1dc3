// @vitest-environment node
/** Answers as other people's servers give them: cut anywhere, of all channels, with the head of all. */
import { expect, test } from 'vitest';
import type { Page } from '../../src/core/frames.js';
import { NO_EPOCH } from '../../src/core/position.js';
import type { Settings } from '../../src/core/settings.js';
import type { Item } from '../../src/core/vocabulary.js';
import { mappedDialect, type MappedOptions } from '../../src/dialects/mapped.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

interface Entry {
  readonly seq: number;
}

const EPOCHS = { fields: { epoch: 'epoch' } };

function inWords(item: Item): readonly (number | string)[] {
  if (item.type === 'message') return [item.seq];
  return item.type === 'gap' ? [`${item.gap.reason} to ${item.gap.to ?? '?'}`] : [];
}

/** Comes back to a log that it has read up to `seq`. @returns what it is told until it asks no more. */
function read(
  { seq, options }: { seq: number; options: MappedOptions },
  answer: (since: number) => object,
): (number | string)[] {
  const { numbering = 'contiguous' } = options;
  const epochs = options.fields?.epoch !== undefined;
  const settings: Partial<Settings> = { numbering, epochs };
  const { decodePage } = mappedDialect(options);
  const script = new Script(settings);
  const start = { epoch: epochs ? 'e' : NO_EPOCH, seq };
  script.enter({ type: 'join', channel: CHANNEL, intent: { ...LATEST, start } });
  script.enter({ type: 'opened', attempt: 1 }).frames([{ type: 'joined', channel: CHANNEL }]);
  const told: (number | string)[] = [];
  for (let call = script.call(); call !== undefined; call = script.call()) {
    const page = decodePage({ epoch: 'e', ...answer(call.request.seq) }, call.request);
    script.answer(call.id, page as Page);
    told.push(...script.items.flatMap(inWords));
    if (script.now > 60_000) break;
  }
  expect(script.all('channelState').at(-1)?.state ?? { name: 'live' }).toEqual({ name: 'live' });
  return told;
}

const above = (log: readonly Entry[], since: number) => log.filter(({ seq }) => seq > since);

test.each(['contiguous', 'monotonic'] as const)(
  'A4 answers of one message each, cut without a word, are read to the head that they name (%s)',
  (numbering) => {
    const log = [1, 2, 3, 4, 5, 6].map((seq) => ({ seq }));
    const told = read({ seq: 3, options: { numbering } }, (since) => {
      return { head: 6, messages: above(log, since).slice(0, 1) };
    });
    expect(told).toEqual([4, 5, 6]);
  },
);

// Ours are 3, 7 and 12; the rest is for others, and each of ours names the one before it.
const filtered = [3, 7, 12].map((seq, i) => ({ seq, channel: CHANNEL, prev: [0, 3, 7][i] ?? 0 }));
const everything = Array.from({ length: 15 }, (_, i) => {
  const other = { seq: i + 1, channel: 'other', prev: 0 };
  return filtered.find(({ seq }) => seq === other.seq) ?? other;
});
const sparse = { ...EPOCHS, numbering: 'sparse' } as const;

test.each([{ oldest: 1 }, {}])(
  'filtered: the head of all is no hole in what is ours (%j)',
  (facts) => {
    const told = read({ seq: 3, options: sparse }, (since) => {
      return { ...facts, head: 15, messages: above(filtered, since) };
    });
    expect(told).toEqual([7, 12]);
  },
);

test.each([{ more: true }, { head: 15 }, { head: 15, oldest: 1 }])(
  'filtered: an answer full of messages of others is read on (%j)',
  (facts) => {
    const told = read({ seq: 3, options: sparse }, (since) => {
      const found = above(everything, since);
      return { ...facts, ...(found.length <= 2 && { more: false }), messages: found.slice(0, 2) };
    });
    expect(told).toEqual([7, 12]);
  },
);

test('filtered: where the server does not say what it has dropped, only a message moves us', () => {
  const { decodePage } = mappedDialect(sparse);
  const empty = { epoch: 'e', head: 15, messages: [] };
  const request = { channel: CHANNEL, epoch: 'e', seq: 7 };
  expect(decodePage({ ...empty, oldest: 1 }, request)).toMatchObject({ void: [[8, 15]], head: 15 });
  // 12 may have aged out: the next message says so in `prev`.
  const page = decodePage(empty, request);
  expect(page).toMatchObject({ head: 7, more: false });
  expect(page).not.toHaveProperty('void');
});

test('filtered: a message whose number cannot be read is not one of others', () => {
  const page = mappedDialect(sparse).decodePage(
    { epoch: 'e', head: 15, oldest: 1, messages: [{ seq: '7', prev: 3 }] },
    { channel: CHANNEL, epoch: 'e', seq: 3 },
  );
  expect(page).toMatchObject({ type: 'bad', channel: CHANNEL });
});

test.each(['monotonic', 'sparse'] as const)(
  'no epochs: the head of all is no message of ours that the log has lost (%s)',
  (numbering) => {
    const { decode, decodePage } = mappedDialect({ numbering });
    const script = new Script({ numbering, epochs: false });
    const join = JSON.stringify({ type: 'subscribed', channel: CHANNEL, head: 15, oldest: 1 });
    script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    script.enter({ type: 'opened', attempt: 1 }).frames(decode(join));
    const told: (number | string)[] = [];
    for (let call = script.call(); call !== undefined; call = script.call()) {
      const page = decodePage(above(filtered, call.request.seq), call.request);
      script.answer(call.id, page as Page);
      told.push(...script.told.filter((item) => item !== 'position'));
    }
    expect(told).toEqual([]);
  },
);

test.each(['monotonic', 'sparse'] as const)(
  'no epochs: a log that shows the number of others on which we stand is ours (%s)',
  (numbering) => {
    const told = read({ seq: 5, options: { numbering } }, (since) => {
      return { head: 15, messages: above(everything, since).slice(0, 2) };
    });
    expect(told).toEqual([7, 12]);
  },
);

test('no epochs: what may be lost ends before the first that is shown, whosever it is', () => {
  const told = read({ seq: 3, options: { numbering: 'monotonic' } }, (since) => {
    return { head: 15, messages: above(everything, Math.max(since, 4)) };
  });
  expect(told).toEqual(['truncated to 4', 7, 12]);
});
