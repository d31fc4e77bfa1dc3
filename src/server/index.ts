/** The server kit, entry `lastseq/server`: a log that numbers messages, and a hub that serves it. */
export { createHub } from './hub.js';
export type { AttachOptions, DrainOptions, Hub } from './hub.js';
export type { HubLimits, HubOptions, HubSocket } from './options.js';
export type { Allowed, Authorize, AuthorizeRequest, Verdict } from './authorize.js';
export type { FilterMessage, FilterRule, MessageFilter, Reader } from './filter.js';
export type { Origins } from './origin.js';
export type { ErrorSource, OnError } from './report.js';
export type { HubStats, RecoveryOutcomes } from './stats.js';

export { memoryLog } from './memory-log.js';
export type { MemoryLog, MemoryLogOptions } from './memory-log.js';
export { messageBytes } from './log.js';
export type {
  AppendOptions,
  Log,
  LogMessage,
  LogPage,
  ReadOptions,
  StampedMessage,
} from './log.js';
export { checkChannel, checkKey, dataText } from './admission.js';

export { ServerError } from './errors.js';
export type { ServerErrorCode, ServerErrorDetails } from './errors.js';
export type { Facts } from '../core/frames.js';
export type { Position } from '../core/position.js';
