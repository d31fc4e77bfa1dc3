/** All rules, in the order in which they are told: what breaks the most comes first. */
import type { Rule } from '../verdict.js';
import * as access from './access.js';
import * as delivery from './delivery.js';
import * as log from './log.js';
import * as numbers from './numbers.js';
import * as positions from './positions.js';

export const RULES: readonly Rule[] = [
  delivery.connect,
  delivery.paths,
  delivery.delivered,
  delivery.numbered,
  log.facts,
  numbers.sameNumber,
  numbers.liveRecovered,
  numbers.oneNumber,
  log.rising,
  numbers.liveOrder,
  numbers.epochs,
  numbers.oneLog,
  delivery.ackNumber,
  delivery.controlFrames,
  positions.sinceExclusive,
  positions.nothingNew,
  positions.head,
  positions.paging,
  positions.sinceRequired,
  positions.ahead,
  positions.otherEpoch,
  delivery.offline,
  log.concurrent,
  log.settled,
  log.overflow,
  positions.restart,
  access.withoutToken,
  access.wrongToken,
  access.stranger,
  access.joining,
  access.noStore,
  access.cors,
];
