/** Doubles for tests of apps and of the package itself: a clock, a network, a server, a store's contract. */
export { memoryPositionStore } from '../adapters/memory-position-store.js';
export { createClientWith } from '../create-client.js';
export { FakeLog, FakeServer, type FakeServerOptions } from './fake-server.js';
export { FakeNetwork, type FakeSocket } from './fake-transport.js';
export { ManualClock } from './manual-clock.js';
export { positionStoreContract } from './position-store-contract.js';
export type { PageMessage, RecoverRequest } from '../core/frames.js';
export type { Position, PositionWrite, StoredPosition } from '../core/position.js';
export type { Ports } from '../driver.js';
export type { Client } from '../client.js';
export type { ClientOptions } from '../options.js';
export type { Clock } from '../ports/clock.js';
export type { History, HistoryAnswer, HistoryQuestion } from '../ports/history.js';
export type { PageSignals } from '../ports/page-signals.js';
export type { PositionStore } from '../ports/position-store.js';
export type { Transport, TransportEvent, TransportFactory } from '../ports/transport.js';
