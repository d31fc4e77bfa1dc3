// happy-dom has no IndexedDB. This one is in memory, with a true structured clone.
//
// With fake timers, leave setImmediate alone (`toFake` without it): fake-indexeddb looks it up at
// every step and would wait for ever.
import 'fake-indexeddb/auto';
