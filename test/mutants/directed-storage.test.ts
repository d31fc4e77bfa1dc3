// @vitest-environment node
/** Rules of what is stored, when, and over what, one at a time. */
import { describe, expect, test } from 'vitest';
import { CommitLog } from '../../src/commit-log.js';
import { mergePosition, type PositionWrite } from '../../src/core/position.js';
import { CHANNEL, Script } from './script.js';

const STORED = { start: 'stored', snapshot: false, maxAttempts: 5 } as const;
const FACTS = { epoch: 'e', head: 5, oldest: 1 };

/** The last message of this step is handled, and with it all before it. */
function handle(script: Script): Script {
  const [{ items, tok } = { items: [], tok: '' }] = script.all('deliver');
  const seq = items.reduce((last, item) => (item.type === 'message' ? item.seq : last), 0);
  const position = { epoch: 'e', seq, tok: tok ?? '' };
  const mark = { channel: CHANNEL, mode: 'advance', position } as const;
  return script.enter({ type: 'handled', channel: CHANNEL, count: items.length, mark });
}

const written = (script: Script) =>
  script
    .all('save')
    .flatMap(({ writes }) => writes)
    .map(({ mode, position }) => [mode, position.seq]);

const save = (script: Script) => script.first('save').id;

/** Joined with a store that does not answer, and gone on without it at 5. */
function blind(): Script {
  const script = new Script({ backoffCapMs: 10_000 });
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  script.enter({ type: 'opened', attempt: 1 }).subscribed(FACTS);
  return script.pass(2_000);
}

describe('writes', () => {
  test('a replacement that waits is advanced as a replacement', () => {
    const script = handle(new Script().live(5).message(6)).pass(300);
    expect(written(script)).toEqual([['replace', 6]]);
  });

  test('a write that failed is tried again, as what it was, and not over what came after it', () => {
    const script = new Script().live(5).pass(300);
    expect(written(script)).toEqual([['replace', 5]]);
    const id = save(script);
    handle(script.message(6));
    script.enter({ type: 'saved', id, refused: [], failed: true });
    expect(written(script.pass(5_000))[0]).toEqual(['replace', 6]);
  });

  test('a write that failed is tried again when nothing came after it', () => {
    const script = new Script().live(5).pass(300);
    script.enter({ type: 'saved', id: save(script), refused: [], failed: true });
    expect(written(script.pass(5_000))[0]).toEqual(['replace', 5]);
  });

  test('a write that hangs ends, and is tried again', () => {
    const script = new Script().live(5).pass(300);
    expect(save(script)).toBe(1);
    script.pass(10_000);
    expect(script.all('releaseStore').length).toBeGreaterThan(0);
    expect(script.all('save').length).toBeGreaterThan(0);
  });

  test('who was replaced by another owner writes no more', () => {
    const script = new Script().live(5).pass(300);
    script.enter({ type: 'saved', id: save(script), refused: [CHANNEL] });
    expect(written(handle(script.message(6)).pass(5_000))).toEqual([]);
  });

  test.each(['hidden', 'pagehide', 'freeze'] as const)('a page writes before %s', (signal) => {
    const script = new Script().live(5).enter({ type: 'page', signal });
    expect(written(script)).toEqual([['replace', 5]]);
  });

  test('a client that closes writes first', () => {
    expect(written(new Script().live(5).enter({ type: 'close' }))).toEqual([['replace', 5]]);
  });

  test('after a log out nothing is written any more', () => {
    const script = new Script().live(5).enter({ type: 'forget' });
    expect(written(handle(script.message(6)).pass(5_000))).toEqual([]);
  });
});

describe('a store that is slow', () => {
  test('nothing is written over a position that it has not told', () => {
    const script = blind();
    expect(script.session.numbers(CHANNEL)?.last).toBe(5);
    expect(written(handle(script.message(6)).pass(5_000))).toEqual([]);
  });

  test('is asked again when it did not answer in time', () => {
    expect(blind().pass(11_000).all('load')).toHaveLength(1);
  });

  test('a late position names what was passed over, once, and moves nothing back', () => {
    const script = handle(blind().message(6));
    const position = { epoch: 'e', seq: 2, tok: 't' };
    script.enter({ type: 'loaded', channel: CHANNEL, position });
    expect(script.items).toMatchObject([{ gap: { reason: 'unreachable', from: 3, to: 5 } }]);
    const [gap] = script.items;
    expect(script.session.numbers(CHANNEL)?.last).toBe(6);
    // Until the app was told of the gap, the store remembers the place before it.
    expect(written(script.pass(1_000))).toEqual([]);
    if (gap?.type !== 'gap') throw new Error('no gap');
    script.enter({ type: 'handled', channel: CHANNEL, count: 1, mark: gap.after });
    expect(written(script.pass(1_000))).toEqual([['replace', 6]]);
  });

  test('a late position is honoured in full while nothing was delivered', () => {
    const script = blind();
    const position = { epoch: 'e', seq: 2, tok: 't' };
    script.enter({ type: 'loaded', channel: CHANNEL, position });
    expect(script.first('fetch').request.seq).toBe(2);
  });
});

test('a position that waits to be written is newer than the store', () => {
  const script = new Script({ flushMs: 60_000, leaveDelayMs: 100 });
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  script.enter({ type: 'loaded', channel: CHANNEL });
  script.enter({ type: 'opened', attempt: 1 }).subscribed(FACTS);
  handle(script.message(6)).enter({ type: 'release', channel: CHANNEL });
  expect(script.pass(200).all('left')).toHaveLength(1);
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  expect(script.all('load')).toEqual([]);
  expect(script.session.numbers(CHANNEL)?.last).toBe(6);
});

describe('the commit log', () => {
  const mark = (seq: number, mode: PositionWrite['mode'] = 'advance'): PositionWrite => ({
    channel: CHANNEL,
    mode,
    position: { epoch: 'e', seq, tok: 't' },
  });
  const logs = (manual: boolean) => {
    const said: [number, PositionWrite | undefined][] = [];
    const log = new CommitLog(manual, (count, write) => void said.push([count, write]));
    return { log, said };
  };

  test('only the unbroken run of committed items is stored', () => {
    const { log, said } = logs(true);
    const commits = [1, 2, 3].map((seq) => {
      const commit = log.committer();
      log.finished(mark(seq), 'handled');
      return commit;
    });
    log.flush();
    expect(said).toEqual([[3, undefined]]);
    commits[1]?.();
    expect(said).toHaveLength(1);
    commits[0]?.();
    expect(said.at(-1)).toEqual([0, mark(2)]);
  });

  test('an item that a handler let go of is not finished', () => {
    const { log, said } = logs(false);
    log.finished(mark(1), 'handled');
    log.finished(mark(2), 'abandoned');
    log.flush();
    expect(said).toEqual([[2, mark(1)]]);
  });

  test('what follows a replacement in one run is written as a replacement', () => {
    const { log, said } = logs(false);
    log.finished(mark(1, 'replace'), 'handled');
    log.finished(mark(2), 'handled');
    log.flush();
    expect(said).toEqual([[2, mark(2, 'replace')]]);
  });

  test('commits after a close belong to nobody', () => {
    const { log, said } = logs(true);
    const commit = log.committer();
    log.finished(mark(1), 'handled');
    log.close();
    commit();
    expect(said).toEqual([]);
  });
});

describe('what a store keeps', () => {
  const at = (seq: number, tok: string) => ({ epoch: 'e', seq, tok });
  const write = (mode: PositionWrite['mode'], seq: number) =>
    mergePosition(at(5, 'mine'), { channel: CHANNEL, mode, position: at(seq, 'mine') });

  test('it only moves up under one owner', () => {
    expect(write('advance', 3)).toEqual({ kept: at(5, 'mine'), accepted: true });
    expect(write('advance', 7)).toEqual({ kept: at(7, 'mine'), accepted: true });
  });

  test('a replacement by another owner wins, an advance does not', () => {
    const by = (mode: PositionWrite['mode']) =>
      mergePosition(at(5, 'other'), { channel: CHANNEL, mode, position: at(3, 'mine') });
    expect(by('replace')).toEqual({ kept: at(3, 'mine'), accepted: true });
    expect(by('advance')).toEqual({ kept: at(5, 'other'), accepted: false });
  });
});
