// Compiled by `npx tsc -p test`, never run: an option that an app computes may turn out undefined, with
// `exactOptionalPropertyTypes` too, as in the client.
import type { AttachOptions, DrainOptions, HubOptions } from '../../src/server/index.js';
import type { HubLimits, MemoryLogOptions } from '../../src/server/index.js';
import type { RedisLogOptions } from '../../src/server/redis/index.js';

type Computed<List extends readonly object[]> = {
  readonly [Of in keyof List]: { readonly [Name in keyof List[Of]]-?: undefined };
};
type All = [
  Omit<HubOptions, 'log' | 'authorize'>,
  HubLimits,
  AttachOptions,
  DrainOptions,
  MemoryLogOptions,
  RedisLogOptions,
];
declare const computed: Computed<All>;

export const options: Readonly<All> = computed;
