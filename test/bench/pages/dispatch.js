import { ScriptedSocket } from './scripted-socket.js';
import { payload, WIRES } from '../wire.mjs';

/** One client with its scripted server. */
export async function contender(name, open) {
  const wire = WIRES[name];
  let handled = 0;
  ScriptedSocket.wire = wire;
  const { ready } = open('ws://127.0.0.1:9/', () => (handled += 1));
  await ready;
  const socket = ScriptedSocket.last;
  let [seq, texts] = [0, []];

  return {
    /** Writes what its server is to say next. */
    prepare(count, perFrame) {
      texts = frames(wire, seq + 1, count, perFrame);
      seq += count;
    },
    /** Says it. */
    async run() {
      for (let i = 0; i < texts.length; i += 1) socket.receive(texts[i]);
      // Some clients hand over in promises.
      for (let i = 0; handled < seq && i < 1_000; i += 1) await nextTask();
      if (handled !== seq) throw new Error(`${name}: ${handled} of ${seq} messages were handled`);
    },
  };
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
