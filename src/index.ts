/** The client: everything an app imports. */
export { createClient } from './create-client.js';
export { monotonic } from './core/monotonic.js';
export { overlap } from './core/overlap.js';
export { NO_EPOCH } from './core/position.js';
export { mappedDialect } from './dialects/mapped.js';
export { nativeDialect } from './dialects/native.js';
export { LastseqError } from './errors.js';
export { socketIo } from './socket-io.js';
export type { AppSocket } from './socket-io.js';
export type { Channel, ChannelNumbers, Delivered, Handlers, PublishOptions } from './channel.js';
export type { Client, ClientEvents, StorageState } from './client.js';
export type { Counters } from './core/counters.js';
export type {
  BadFrame,
  ClientFrame,
  DecodedFrame,
  Facts,
  Page,
  PageMessage,
  RecoverRequest,
  ServerFrame,
} from './core/frames.js';
export type { TrackerFactory } from './core/gap-detector.js';
export type { OverlapFactory } from './core/overlap.js';
export type { Position } from './core/position.js';
export type { Numbering } from './core/settings.js';
export type { Trace, TraceEntry } from './core/trace.js';
export type {
  ChannelState,
  ConnectionState,
  Gap,
  GapReason,
  Message,
  Notice,
  SnapshotReason,
  StallReason,
  Start,
  WaitReason,
} from './core/vocabulary.js';
export type { Committable } from './recipients.js';
export type { Dialect } from './dialects/dialect.js';
export type { Fields } from './dialects/fields.js';
export type { MappedOptions } from './dialects/mapped.js';
export type { SocketIoOptions } from './dialects/socketio.js';
export type { SocketIoFrame } from './ports/socket-io.js';
export type { ListenOptions } from './listeners.js';
export type { AnyLastseqError, ErrorCode, ErrorDetails } from './errors.js';
export type {
  ChannelOptions,
  ClientOptions,
  LogEntry,
  RecoverFunction,
  StandardSchema,
  UrlOption,
} from './options.js';
