// @vitest-environment node
/** Answers as other people's servers give them: cut anywhere, of all channels, with the head of all. */
import { expect, test } from 'vitest';
import type { Page } from '../../src/core/frames.js';
import { NO_EPOCH } from '../../src/core/position.js';
import type { Settings } from '../../src/core/settings.js';
import { mappedDialect, type MappedOptions } from '../../src/dialects/mapped.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

interface Entry {
  readonly seq: number;
}

const EPOCHS = { fields: { epoch: 'epoch' } };

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
    told.push(...script.told.filter((item) => item !== 'position'));
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
