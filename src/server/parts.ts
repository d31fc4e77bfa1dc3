/** What the parts of one hub share. Built once, in `hub.ts`. */
import type { Authorizer } from './authorize.js';
import type { Fanout } from './fanout.js';
import type { Following } from './following.js';
import type { HubSettings } from './options.js';
import type { OriginCheck } from './origin.js';
import type { Recovery } from './recovery.js';
import type { Report } from './report.js';
import type { Counters } from './stats.js';
import type { Tick } from './tick.js';

export interface HubParts {
  readonly settings: HubSettings;
  readonly authorizer: Authorizer;
  readonly fanout: Fanout;
  readonly following: Following;
  readonly recovery: Recovery;
  readonly admits: OriginCheck;
  readonly report: Report;
  readonly counters: Counters;
  readonly tick: Tick;
}
