import './scripted-socket.js';
import { ScriptedSocket } from './scripted-socket.js';
import { WIRES } from '../wire.mjs';

const names = [];
/** Held, as an app would hold what it opened. */
export const held = [];

/** Made before the heap is measured: a name is the app's. */
export function prepare(client, count) {
  ScriptedSocket.wire = WIRES[client];
  for (let i = 0; i < count; i += 1) names.push(['room', i].join('-'));
}

/** @returns the milliseconds until all are subscribed. */
export async function subscribeAll(openMany) {
  const from = performance.now();
  held.push(await openMany('ws://127.0.0.1:9/', names, () => undefined));
  return performance.now() - from;
}
