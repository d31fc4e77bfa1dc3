import { ScriptedSocket } from './scripted-socket.js';
import { createStore, set, setMany } from 'idb-keyval';
import { createClient } from '../../../dist/index.js';
import { payload, WIRES } from '../wire.mjs';

const CHANNELS = 200;
const FLUSH_MS = 250;
/** As often as a timer can be asked to fire. */
const BEAT_MS = 10;

let transactions = 0;
const { transaction } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function (stores, mode, options) {
  if (mode === 'readwrite') transactions += 1;
  return transaction.call(this, stores, mode, options);
};

/** The ways to keep the positions: each gives what is called with a number, a position that was reached. */
export const ways = {
  lastseq: () => connect(),
  /** The same without a database: what the messages cost alone. */
  async none() {
    delete globalThis.indexedDB;
    await connect();
  },
  /** What is written first: a record per channel, in one transaction. */
  async setMany() {
    const store = createStore('by-channel', 'positions');
    flushing(await connectWithout(), (dirty) => setMany([...dirty], store));
  },
  /** The least that can be: one record with everything. */
  async oneRecord() {
    const store = createStore('one-record', 'positions');
    const all = new Map();
    flushing(await connectWithout(), (dirty) => {
      for (const [channel, position] of dirty) all.set(channel, position);
      return set('positions', all, store);
    });
  },
};

let sent = 0;

/** Makes the client, and keeps its positions in this way. */
export const start = async (way) => void (await ways[way]());

/** Lets messages come at an even rate for so long. */
export async function run(perSecond, ms) {
  const socket = ScriptedSocket.last;
  transactions = 0;
  const from = performance.now();
  const [first, elapsed] = [sent, () => performance.now() - from];
  while (elapsed() < ms) {
    const due = first + Math.floor((elapsed() / 1_000) * perSecond);
    for (; sent < due; sent += 1) {
      const channel = `room:${sent % CHANNELS}`;
      const seq = Math.floor(sent / CHANNELS) + 1;
      socket.receive(WIRES.lastseq.one(seq, payload(sent)).replace('room:42', channel));
    }
    await new Promise((resolve) => setTimeout(resolve, BEAT_MS));
  }
  return { seconds: elapsed() / 1_000, transactions };
}

/** A client of ours with its channels; `handle` is told of every message. */
function connect(handle = () => undefined) {
  ScriptedSocket.wire = WIRES.lastseq;
  const client = createClient({ url: 'ws://127.0.0.1:9/' });
  const ready = [];
  for (let i = 0; i < CHANNELS; i += 1) {
    const channel = client.channel(`room:${i}`, { start: 'latest' });
    channel.subscribe(handle);
    ready.push(channel.ready());
  }
  return Promise.all(ready);
}

/** The same client, its own store out of the way: the app notes what was handled. */
async function connectWithout() {
  const { indexedDB } = globalThis;
  delete globalThis.indexedDB;
  const dirty = new Map();
  await connect(({ channel, epoch, seq }) => dirty.set(channel, { epoch, seq }));
  globalThis.indexedDB = indexedDB;
  return dirty;
}

function flushing(dirty, write) {
  setInterval(() => {
    if (dirty.size === 0) return;
    void write(new Map(dirty));
    dirty.clear();
  }, FLUSH_MS);
}
