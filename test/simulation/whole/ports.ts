/** The simulated world, as the shell that ships touches it. */
import type { ClientFrame, DecodedFrame, RecoveryAnswer } from '../../../src/core/frames.js';
import { decodeFrames } from '../../../src/core/codec.js';
import type { Dialect } from '../../../src/dialects/dialect.js';
import type { Ports } from '../../../src/driver.js';
import type { HistoryAnswer } from '../../../src/ports/history.js';
import type { TransportFactory } from '../../../src/ports/transport.js';
import type { Link } from '../link.js';
import type { Plan } from '../plan.js';
import { toWire } from '../wire.js';
import type { WholeClient } from './whole-client.js';

/** Frames go as they are, or through JSON and the codec, as bytes would. */
export function passThrough({ settings, wire }: Plan): Dialect {
  return {
    protocols: [],
    numbering: settings.numbering === 'sparse' ? 'sparse' : 'contiguous',
    decode: (data) => {
      const frames = data as readonly DecodedFrame[];
      return wire ? decodeFrames(toWire(frames)) : frames;
    },
    encode: (frames) => frames,
    decodePage: (body) =>
      typeof body === 'string' ? { type: 'bad', reason: body } : (body as never),
  };
}

/** What the page's transport is made of. */
export type MakeTransport = (tab: WholeClient) => TransportFactory;

/** None: what the core says of the connection leads straight into the world. */
export const linkTransport: MakeTransport = (tab) => (emit) => {
  let link: Link | undefined;
  tab.emit = emit;
  return {
    open: (attempt) => {
      link?.hangUp();
      link = tab.world.server.dial(tab, attempt);
    },
    send: (data) => {
      if (link !== undefined) sendOver(link, data as readonly ClientFrame[]);
    },
    close: () => link?.hangUp(),
  };
};

/** A token is shown, all else is for the server to read. */
export function sendOver(link: Link, data: readonly ClientFrame[]): void {
  for (const frame of data) if (frame.type === 'auth') link.show(Number(frame.token));
  const frames = data.filter(({ type }) => type !== 'auth');
  if (frames.length > 0) link.up(frames);
}

export function portsOf(tab: WholeClient, transport: TransportFactory): Ports {
  const { agenda, dice, server, store } = tab.world;
  let saves = 0;
  return {
    transport,
    history: {
      fetch: ({ channel, epoch, limit, seq, signal, token }) =>
        new Promise((resolve) => {
          const issuedAt = token === undefined ? undefined : Number(token);
          server.desk.fetch(tab, { channel, epoch, seq }, limit, issuedAt, (answer) => {
            resolve(historyAnswer(answer));
          });
          signal.addEventListener('abort', () => resolve({ status: 0, detail: 'aborted' }));
        }),
    },
    store: {
      load: (channel) =>
        new Promise((resolve, reject) => {
          const waiting = tab.loads.get(channel) ?? [];
          tab.loads.set(channel, waiting);
          waiting.push(({ failed, position }) => {
            if (failed === true) reject(new Error('storage'));
            else resolve(position);
          });
          store.load(tab, channel);
        }),
      save: (writes) =>
        new Promise((resolve, reject) => {
          saves += 1;
          const id = saves;
          tab.saves.set(id, ({ failed, refused }) => {
            tab.saves.delete(id);
            if (failed === true) reject(new Error('storage'));
            else resolve(refused);
          });
          store.save(tab, id, writes);
        }),
      forget: () => Promise.resolve(),
      release: () => {
        if (!tab.isDead) store.release();
      },
    },
    clock: {
      now: () => agenda.now + tab.busyMs,
      wall: () => agenda.now + tab.busyMs,
      after: (inMs, callback) => {
        let isOff = false;
        const late = tab.world.strike('lateTick', 0.2) ? dice.between(1, 1_500) : 0;
        agenda.in(inMs + late, () => {
          tab.run(() => {
            if (!isOff) callback();
          });
        });
        return () => {
          isOff = true;
        };
      },
      soon: (callback) => {
        agenda.in(dice.between(0, 3), () => {
          tab.run(callback);
        });
      },
      seed: () => tab.world.plan.seed,
    },
    signals: {
      listen: (emit) => {
        tab.tell = emit;
        return () => {
          tab.tell = () => undefined;
        };
      },
    },
  };
}

function historyAnswer(answer: RecoveryAnswer): HistoryAnswer {
  if ('page' in answer) return { status: 200, body: answer.page };
  if ('reason' in answer)
    return answer.defect
      ? { status: 200, body: answer.reason }
      : { status: 0, detail: answer.reason };
  return answer;
}

/** Lends names of the page to a schedule. */
export async function withGlobals<Value>(
  lent: Readonly<Record<string, unknown>>,
  run: () => Promise<Value>,
): Promise<Value> {
  const page = globalThis as unknown as Record<string, unknown>;
  const before = Object.fromEntries(Object.keys(lent).map((name) => [name, page[name]]));
  Object.assign(page, lent);
  try {
    return await run();
  } finally {
    Object.assign(page, before);
  }
}
