import { ScriptedSocket } from './scripted-socket.js';
import { payload, WIRES } from '../wire.mjs';

/** Messages between two turns: they are written before the clock runs, and held in memory. */
const CHUNK = 5_000;

/** One client with its scripted server. */
export async function contender(name, open) {
  const wire = WIRES[name];
  let handled = 0;
  ScriptedSocket.wire = wire;
  const { ready } = open('ws://127.0.0.1:9/', () => (handled += 1));
  await ready;
  const socket = ScriptedSocket.last;
  let seq = 0;

  /** @returns how many milliseconds it takes to hand over so many messages. */
  return async (count, perFrame) => {
    const texts = frames(wire, seq + 1, count, perFrame);
    seq += count;
    const from = performance.now();
    for (let i = 0; i < texts.length; i += 1) socket.receive(texts[i]);
    // Some clients hand over in promises.
    for (let i = 0; handled < seq && i < 1_000; i += 1) await nextTask();
    const ms = performance.now() - from;
    if (handled !== seq) throw new Error(`${name}: ${handled} of ${seq} messages were handled`);
    // What else a client left for later must not pile up.
    await nextTask();
    return ms;
  };
}

/** @returns the milliseconds of the bare handler and of the client, chunk by chunk in turns. */
export async function compare([raw, client], count, perFrame) {
  let [rawMs, clientMs] = [0, 0];
  for (let left = count; left > 0; left -= CHUNK) {
    const chunk = Math.min(CHUNK, left);
    rawMs += await raw(chunk, 1);
    clientMs += await client(chunk, perFrame);
  }
  return [rawMs, clientMs];
}

const nextTask = () => new Promise((resolve) => setTimeout(resolve));

function frames({ many, one }, first, count, perFrame) {
  const texts = [];
  for (let from = first; from < first + count; from += perFrame) {
    const jsons = Array.from({ length: perFrame }, (_, i) => payload(from + i));
    texts.push(perFrame === 1 ? one(from, jsons[0]) : many(from, jsons));
  }
  return texts;
}
