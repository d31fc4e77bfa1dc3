/**
 * The traps that realtime clients fall into, and the tests that keep this one out of them. Part 1:
 * what goes wrong with positions, logs and connections. Part 3: what users complain of.
 * `traps.test.ts` checks that every number is here and every test exists under its title.
 */

/** A file, and the title of one of its tests, or a distinctive part of it. */
export type TestName = readonly [file: string, title: string];

export type Trap = { readonly trap: string; readonly what: string } & (
  | { readonly tests: readonly [TestName, ...TestName[]] }
  /** Why it does not concern what is built. */
  | { readonly leftOut: string }
);

const AUTH = 'test/client/auth.test.ts';
const CODEC = 'test/core/codec.test.ts';
const COMMIT = 'test/client/commit.test.ts';
const CONNECTION = 'test/client/connection.test.ts';
const CORE_CONNECTION = 'test/core/connection.test.ts';
const EPOCHS = 'test/core/epochs.test.ts';
const FAULTS = 'test/e2e/faults.test.ts';
const HANDLERS = 'test/client/handlers.test.ts';
const HANDLES = 'test/client/handles.test.ts';
const HISTORY = 'test/adapters/fetch-history.test.ts';
const IDB = 'test/adapters/idb-position-store.test.ts';
const LIFECYCLE = 'test/e2e/lifecycle.test.ts';
const NUMBERS = 'test/core/numbers.test.ts';
const OBSERVE = 'test/client/observe.test.ts';
const OPTIONS = 'test/client/options.test.ts';
const ORDER = 'test/client/order.test.ts';
const PACK = 'test/e2e/pack.test.ts';
const PAGE = 'test/e2e/page.test.ts';
const POSITIONS = 'test/e2e/positions.test.ts';
const PUBLISH = 'test/client/publish.test.ts';
const RECOVER = 'test/core/recover.test.ts';
const RECOVERY = 'test/e2e/recovery.test.ts';
const SIGNALS = 'test/adapters/page-signals-dom.test.ts';
const SOCKET = 'test/adapters/websocket-transport.test.ts';
const START = 'test/client/start.test.ts';
const STORAGE = 'test/client/storage.test.ts';
const STORING = 'test/core/storing.test.ts';
const SUBSCRIBE = 'test/core/subscribe.test.ts';
const TRAPS = 'test/client/traps.test.ts';

export const traps: readonly Trap[] = [
  {
    trap: '1.1',
    what: 'a log that starts over gives its numbers out again',
    tests: [
      [EPOCHS, 'D1 restart with counter at 1'],
      [EPOCHS, 'trap 1 numbers of different epochs are never compared'],
      [FAULTS, 'a restart of the server with a new log is a gap'],
    ],
  },
  {
    trap: '1.2',
    what: 'a recovery that found nothing is taken for one that failed',
    tests: [
      [RECOVER, 'trap 2 an answer with nothing in it is a success'],
      [NUMBERS, 'A7 an empty log at our own number is up to date'],
    ],
  },
  {
    trap: '1.3',
    what: 'a loss is reported on a quiet channel whose last message has expired',
    tests: [
      [NUMBERS, 'A6 truncated: the boundary triple'],
      [NUMBERS, 'A7 an empty log at our own number is up to date'],
      ['test/server/recover-http.test.ts', 'answers 200 at every boundary'],
    ],
  },
  {
    trap: '1.4',
    what: 'no position before the first message',
    tests: [[SUBSCRIBE, 'B2 first subscribe takes the head of subscribed as baseline']],
  },
  {
    trap: '1.5',
    what: 'the number is guessed from what the payload looks like',
    tests: [
      [TRAPS, 'trap 1.5: numbers inside the data are data'],
      [TRAPS, 'trap 1.5: a dialect says where the number is'],
      [CODEC, 'A10 numbers that JSON cannot carry exactly'],
    ],
  },
  {
    trap: '1.6',
    what: 'what was recovered is counted elsewhere than what comes live',
    tests: [[NUMBERS, 'trap 6 recovered and live messages take one path']],
  },
  {
    trap: '1.7',
    what: 'counting messages instead of reading their numbers',
    tests: [
      [NUMBERS, 'A14, A15 what has no number never touches the position'],
      [OBSERVE, 'messages without a number are for whoever listens now'],
    ],
  },
  {
    trap: '1.8',
    what: 'what changes between loading the state and joining is lost',
    tests: [
      [SUBSCRIBE, 'B3 trap 8 position first, state second, commit third'],
      [START, 'messages that come while a snapshot loads'],
      ['test/server/subscribe.test.ts', 'attaches before it reads'],
    ],
  },
  {
    trap: '1.9',
    what: 'the head that a heartbeat names is taken for a position',
    tests: [[NUMBERS, 'trap 9 head is never a position']],
  },
  {
    trap: '1.10',
    what: 'joined is said before the live end is attached',
    tests: [
      [SUBSCRIBE, 'trap 10 live is said only when nothing is missing'],
      [SUBSCRIBE, 'B1 a message that overtook the join reply is fetched'],
      [HANDLES, 'ready resolves when the channel is live and everything missed is handled'],
    ],
  },
  {
    trap: '1.11',
    what: 'frames and answers of an earlier join or connection',
    tests: [
      [SUBSCRIBE, 'B4 trap 11 a reply to an older subscription is ignored'],
      [SUBSCRIBE, 'B5 trap 11 a page that comes after the leave is dropped'],
      [SUBSCRIBE, 'trap 11 frames of a connection that was given up'],
      [RECOVER, 'C7 a stale answer is dropped'],
      [CONNECTION, 'late frames of an older socket are ignored'],
    ],
  },
  {
    trap: '1.12',
    what: 'something is held back for an answer that never comes',
    tests: [
      [NUMBERS, 'A1 a number that stays away is asked for'],
      [SUBSCRIBE, 'B4 a join without an answer is repeated'],
      ['test/mutants/directed-recovery.test.ts', 'a call that is never answered ends'],
      [STORING, 'F4 storage that does not answer holds nothing up'],
      [START, 'a snapshot that does not settle is told'],
    ],
  },
  {
    trap: '1.13',
    what: 'an answer and the push behind it change places on their way through promises',
    tests: [
      [TRAPS, 'trap 1.13: an answer and the message behind it'],
      [ORDER, 'a message that arrives within a handler waits for its turn'],
    ],
  },
  {
    trap: '1.14',
    what: 'streams filtered per reader have holes that are no losses',
    tests: [
      ['test/core/sparse.test.ts', 'L2 a message is next when its predecessor was had'],
      ['test/core/sparse.test.ts', 'a head with nothing for this reader moves the position'],
      [NUMBERS, 'A5 void numbers'],
      [
        'test/server/filter.test.ts',
        'shows each reader its own messages, each naming the one before',
      ],
      ['test/server/filter.test.ts', 'marks what the reader does not see as void'],
    ],
  },
  {
    trap: '1.15',
    what: 'positions that go backwards',
    tests: [
      ['test/core/properties.test.ts', 'whatever order messages come in'],
      ['test/core/properties.test.ts', 'a position never goes back under one owner'],
      [RECOVER, 'C8 numbers that a page repeats'],
    ],
  },
  {
    trap: '1.16',
    what: 'a message that its handler cannot bear is lost, or comes for ever',
    tests: [
      [HANDLERS, 'with retry, a message that keeps failing stalls the channel'],
      [HANDLERS, 'skip() passes over the message that failed'],
      [ORDER, 'trap 17 / mitt: a handler that throws starves nobody'],
      [COMMIT, 'nothing is committed but what the app commits'],
    ],
  },
  {
    trap: '1.17',
    what: 'a listener that throws',
    tests: [
      [ORDER, 'trap 17 / mitt: a handler that throws starves nobody'],
      [ORDER, 'a gap handler that throws is reported'],
      [OBSERVE, 'state listeners of a channel are told each state once, and may fail without harm'],
    ],
  },
  {
    trap: '1.18',
    what: 'a join that resumes moves the point from which all is had',
    tests: [[TRAPS, 'trap 1.18: what a new connection says of the log']],
  },
  {
    trap: '1.19',
    what: 'messages get lost while the connection stays',
    tests: [
      [SUBSCRIBE, 'B9 trap 19 fresh facts without being asked'],
      [RECOVER, 'C13 a silent tail is found by the heads'],
      ['test/e2e/demo.test.ts', 'drop: the message after the hole shows it'],
    ],
  },
  {
    trap: '1.20',
    what: 'the clock of the client decides what can be recovered',
    tests: [
      [RECOVER, 'C1 since is the last number had, exclusive'],
      [IDB, 'an old position is still a position'],
      ['test/adapters/system-clock.test.ts', 'a wall clock that is set back changes nothing'],
      [CONNECTION, 'a machine that slept gives a dead connection up'],
    ],
  },
  {
    trap: '1.21',
    what: 'a chain of deltas breaks with one missing message',
    leftOut: 'There are no deltas: every message carries its data whole.',
  },
  {
    trap: '1.22',
    what: 'throttled timers make a live link look dead, or a dead one live',
    tests: [
      [CORE_CONNECTION, 'G7 after a sleep the client probes, and kills nothing that lives'],
      [CORE_CONNECTION, 'G7 after a sleep a dead socket is given up within the probe'],
      [CORE_CONNECTION, 'trap 22 a dead socket is given up, too, by a hidden page'],
      [CORE_CONNECTION, 'trap 22 a handshake that hangs ends, too, in a hidden page'],
      [TRAPS, 'trap 3.9: a hidden page whose timers run once a minute'],
    ],
  },
  {
    trap: '1.23',
    what: 'the offline event is believed',
    tests: [
      [CONNECTION, 'offline only makes us probe'],
      [LIFECYCLE, 'an offline event alone ends no connection that works'],
    ],
  },
  {
    trap: '1.24',
    what: 'a second tab moves the shared position under the first',
    tests: [
      [POSITIONS, 'two tabs of one namespace both get every message once'],
      [POSITIONS, 'a second tab that is behind cannot move the stored position back'],
      [STORING, 'E12 F1 an advance that is refused means another owner'],
      ['test/browser/position-store.test.ts', 'with the same store writes a lower and a higher'],
    ],
  },
  {
    trap: '1.25',
    what: 'a sender from before the reload repeats what it sent, or writes over its successor',
    tests: [
      [PUBLISH, 'keys of two publishes, and of two clients, differ'],
      ['test/server/publish-key-contract.ts', 'that comes again appends nothing'],
      ['test/server/publish-key-contract.ts', 'of another epoch is a new publish'],
      [STORAGE, 'an advance that is refused stops the writing'],
    ],
  },
  {
    trap: '1.26',
    what: 'the past is given out under an old permission',
    tests: [
      [AUTH, '401 of the recovery call refreshes once'],
      ['test/core/auth.test.ts', '401 of a recovery call: one refresh for all'],
      ['test/server/auth.test.ts', 'that may not be subscribed cannot be recovered either'],
    ],
  },
  {
    trap: '1.27',
    what: 'a cache repeats an old answer for ever',
    tests: [
      [HISTORY, 'asks the fetch of the moment, with no-store'],
      [HISTORY, 'is asked with sorted parameters after its own, uncached'],
      ['test/server/recover-http.test.ts', 'has the body of the protocol'],
      [RECOVER, 'trap 27 a repeated stale page is no progress'],
    ],
  },
  {
    trap: '1.28',
    what: 'a clean close is taken for the end of the session',
    tests: [
      [CORE_CONNECTION, 'trap 28 code 1000 from the server is no end'],
      [CONNECTION, 'trap 11: pagehide closes with 1000 and waits for the page'],
    ],
  },
  {
    trap: '1.29',
    what: 'retrying that stops, or that never slows down',
    tests: [
      [CORE_CONNECTION, 'trap 29 the client never gives up by itself'],
      [CORE_CONNECTION, 'G4 trap 35 every wait is random in full'],
    ],
  },
  {
    trap: '1.30',
    what: 'numbers beyond what can be counted exactly',
    tests: [
      [CODEC, 'A10 numbers that JSON cannot carry exactly'],
      ['test/security/hostile-server.test.ts', 'at the end of what JSON can count'],
    ],
  },
  {
    trap: '1.31',
    what: 'the client remembers a place that the server does not know any more',
    tests: [
      [START, 'a start whose log is gone names what is lost'],
      [FAULTS, 'a page that comes back to a new log is told of the gap too'],
    ],
  },
  {
    trap: '1.32',
    what: 'the database dies in the background, or is forbidden',
    tests: [
      [IDB, 'IDB 2: a connection that closed without a word'],
      [IDB, 'IDB 3: dead for longer'],
      [IDB, 'IDB 1: an open that throws at once'],
      [STORAGE, 'trap 17: storage that %s costs the position, one event'],
    ],
  },
  {
    trap: '1.33',
    what: 'a position ahead of the head passes for up to date',
    tests: [
      [RECOVER, 'C2 trap 33 a head behind us is a rewind'],
      [START, 'a start behind the head of its log is a rewind'],
    ],
  },
  {
    trap: '1.34',
    what: 'subscribing fails because the connection is down, and stays silent',
    tests: [[TRAPS, 'trap 1.34, 3.28: subscribing without a connection']],
  },
  {
    trap: '1.35',
    what: 'all clients come back at once and read the log at once',
    tests: [
      [CORE_CONNECTION, 'G4 trap 35 every wait is random in full'],
      [CORE_CONNECTION, 'G5 what a lost message makes a thousand subscribers do'],
      ['test/server/recover.test.ts', 'of the same position by many at once is one read'],
      ['test/server/recover.test.ts', 'takes a limit, and never gives more than its own'],
    ],
  },
  {
    trap: '3.1',
    what: 'the socket says open and is dead',
    tests: [
      [CONNECTION, 'trap 1: a half-open connection is found within 2.5 heartbeats'],
      [CONNECTION, 'a machine that slept gives a dead connection up within the probe'],
      [FAULTS, 'a half-open connection is found by the heartbeat that stays away'],
    ],
  },
  {
    trap: '3.2',
    what: 'a reconnect loses messages without a word',
    tests: [
      [CONNECTION, 'trap 21: close code %i is dialed again, and nothing is lost'],
      [ORDER, 'messages and gaps share one queue'],
      [FAULTS, 'messages that the log no longer holds are a gap that names them'],
      ['test/simulation/simulation.test.ts', 'no rule is broken in'],
    ],
  },
  {
    trap: '3.3',
    what: 'recovered is said of what was not',
    tests: [
      [NUMBERS, 'A6 truncated: the boundary triple'],
      [EPOCHS, 'of another epoch asks the log, and switches nothing'],
      [SUBSCRIBE, 'B1 a message without an epoch, before the join reply'],
      [RECOVER, 'C4 a log that is cut while it is being paged'],
    ],
  },
  {
    trap: '3.4',
    what: 'a drop before the first message cannot be recovered from',
    tests: [
      [SUBSCRIBE, 'B2 first subscribe takes the head of subscribed as baseline'],
      [TRAPS, 'trap 3.4: what comes during a drop before the first message'],
    ],
  },
  {
    trap: '3.5',
    what: 'messages change places inside the client',
    tests: [
      [ORDER, 'messages come in order, an async handler is awaited before the next'],
      ['test/client/schema.test.ts', 'types the data; what does not fit is an error'],
      ['test/adapters/websocket-transport.real.test.ts', 'bytes come as an ArrayBuffer'],
    ],
  },
  {
    trap: '3.6',
    what: 'the first seconds: state and stream do not meet',
    tests: [
      [START, 'messages that come while a snapshot loads'],
      [START, 'a snapshot that says which position its state has is believed'],
      [START, 'a snapshot is asked for at the first join, before any message'],
    ],
  },
  {
    trap: '3.7',
    what: 'the stored place runs ahead of the handlers',
    tests: [
      [STORAGE, 'a position is stored after its handler, never ahead of it'],
      [POSITIONS, 'a tab that crashes while a handler works gets that message again'],
    ],
  },
  {
    trap: '3.8',
    what: 'an expired token: a dead channel, or a loop',
    tests: [
      [AUTH, 'trap 8: a token refused by %s is refreshed once'],
      [AUTH, 'the token is asked for at every attempt'],
      [AUTH, 'a provider that hangs times out'],
      [AUTH, 'a question for the token is asked once'],
      [RECOVERY, 'a token that is refused again ends it, without a loop'],
    ],
  },
  {
    trap: '3.9',
    what: 'throttled heartbeats of a hidden page',
    tests: [
      [TRAPS, 'trap 3.9: a hidden page whose timers run once a minute'],
      [LIFECYCLE, 'a hidden tab goes on receiving'],
    ],
  },
  {
    trap: '3.10',
    what: 'waking up kills a healthy connection',
    tests: [
      [CONNECTION, 'trap 10: a machine that slept probes and kills nothing healthy'],
      [CONNECTION, 'trap 10: a machine that slept first hears what came meanwhile'],
      [TRAPS, 'trap 3.10: a handshake that is overdue after a sleep'],
    ],
  },
  {
    trap: '3.11',
    what: 'freezing, and the back/forward cache',
    tests: [
      [CONNECTION, 'trap 11: pagehide closes with 1000 and waits for the page'],
      [SIGNALS, 'never for unload or beforeunload'],
      [SIGNALS, 'after a freeze in which the events of visibility were lost'],
      [LIFECYCLE, 'a page out of the back/forward cache goes on where it was'],
    ],
  },
  {
    trap: '3.12',
    what: 'what the app closed comes back to life',
    tests: [
      [CONNECTION, 'trap 12: nothing resurrects a closed client'],
      [CONNECTION, 'trap 12: a client that was never connected'],
      [CONNECTION, 'a close while the %s is on its way is a close'],
      [LIFECYCLE, 'a client that the app closed stays closed'],
    ],
  },
  {
    trap: '3.13',
    what: 'calls from within events, and events that are too late',
    tests: [
      [TRAPS, 'trap 3.13: a state listener that connects in the middle of a drop'],
      [TRAPS, 'trap 3.13: a state listener that closes the client'],
      [ORDER, 'a handler may close the client: nobody is called any more'],
      [SUBSCRIBE, 'B6 a second join of a channel changes nothing'],
    ],
  },
  {
    trap: '3.14',
    what: 'components that mount twice',
    tests: [
      [HANDLES, 'trap 14: unmount and remount cost no frame'],
      [HANDLES, 'several handles share one subscription'],
      [PAGE, 'handlers that come and go with a component cost one subscription'],
    ],
  },
  {
    trap: '3.15',
    what: 'all come back in step, and recover in step',
    tests: [
      [CORE_CONNECTION, 'G4 trap 35 every wait is random in full'],
      [CORE_CONNECTION, 'G3 accept-then-close does not reset the backoff'],
      [RECOVER, 'C5 Retry-After is the least that is waited'],
      [RECOVERY, 'many channels over HTTP ask at most four at a time'],
      [RECOVERY, '500 channels resume with a few frames'],
    ],
  },
  {
    trap: '3.16',
    what: 'the network is back and the client still waits',
    tests: [
      [CONNECTION, 'trap 16: %s ends a wait'],
      [CORE_CONNECTION, 'G7 online ends a wait within its spread, offline only makes us ask'],
      [TRAPS, 'trap 3.16: a handshake of %d ms when the page wakes'],
    ],
  },
  {
    trap: '3.17',
    what: 'storage that fails takes the app with it',
    tests: [
      [STORAGE, 'trap 17: storage that %s costs the position, one event'],
      ['test/e2e/storage.test.ts', 'messages arrive, and the app is told once'],
    ],
  },
  {
    trap: '3.18',
    what: 'several tabs, one record; one user after another',
    tests: [
      [POSITIONS, 'two tabs of one namespace both get every message once'],
      [POSITIONS, 'another namespace does not resume where this one stopped'],
      [POSITIONS, 'a second tab that is behind cannot move the stored position back'],
      ['test/e2e/storage.test.ts', 'a page that logs out forgets where it was'],
    ],
  },
  {
    trap: '3.19',
    what: 'memory without a bound, listeners that stay',
    tests: [
      [CONNECTION, 'trap 19: a thousand clients leave no timer and no listener behind'],
      [NUMBERS, 'E8 with no room to hold it an early message leaves its number'],
      [HANDLERS, 'a slow handler bounds the memory'],
      [HANDLES, 'trap 19: a signal that outlives its handlers'],
    ],
  },
  {
    trap: '3.20',
    what: 'what was queued offline is sent in the wrong session',
    tests: [
      [TRAPS, 'trap 3.20: a new connection is told what is wanted then'],
      [PUBLISH, 'without a connection a publish fails at once'],
      [PUBLISH, 'with timeoutMs what was sent before a drop is sent again under the same key'],
      [SOCKET, 'RWS 11, 12: what cannot be sent is gone'],
    ],
  },
  {
    trap: '3.21',
    what: 'which close codes are final',
    tests: [
      [CONNECTION, 'trap 21: close code %i stops until connect()'],
      [CONNECTION, 'trap 21: close code %i is dialed again, and nothing is lost'],
    ],
  },
  {
    trap: '3.22',
    what: 'importing it where there is no page',
    tests: [
      [OPTIONS, 'trap 22: a client that is only made is inert'],
      [PACK, '%s touches no global'],
      [SIGNALS, '%s: nothing is reported'],
      [PAGE, 'in a worker, where there is no document'],
    ],
  },
  {
    trap: '3.23',
    what: 'packages that do not import, do not type, or weigh too much',
    tests: [
      [PACK, '%s is the same by import and by require'],
      [PACK, 'declarations that do not mention the dependencies'],
      ['test/e2e/size.test.ts', 'trap 3.23: the script for a page'],
    ],
  },
  {
    trap: '3.24',
    what: 'apps cannot test what they built on it',
    tests: [
      ['test/testing/doubles.test.ts', 'the fake server loses, withholds and reorders'],
      ['test/testing/doubles.test.ts', 'a server that is down drops the handshake'],
      ['test/e2e/readme.test.ts', 'the example of a test passes'],
    ],
  },
  {
    trap: '3.25',
    what: 'a content policy forbids the socket, and nobody hears of it',
    tests: [
      [PAGE, 'a socket that the policy forbids is tried again and again'],
      [PAGE, 'the bundle works where no script but the own and no eval is allowed'],
      ['test/browser/websocket-transport.test.ts', 'RWS 5c: the address %j is a drop'],
    ],
  },
  {
    trap: '3.26',
    what: 'nobody can see what it does, or why',
    tests: [
      [CONNECTION, 'the states of a connection carry their data'],
      [OBSERVE, 'the logger is told of every step, and of no payload'],
      [OBSERVE, 'stats count what came, what was fetched'],
      [AUTH, 'the token is in no log entry, no error and no address'],
    ],
  },
  {
    trap: '3.27',
    what: 'a banner that flickers',
    tests: [[TRAPS, 'trap 3.27: a page that comes back and an outage are told apart']],
  },
  {
    trap: '3.28',
    what: 'subscribing while there is no connection',
    tests: [
      [TRAPS, 'trap 1.34, 3.28: subscribing without a connection'],
      [HANDLES, 'a refused channel fails alone, and a new handle tries again'],
    ],
  },
  {
    trap: '3.29',
    what: 'large numbers lose their last digits',
    tests: [
      [CODEC, 'A10 numbers that JSON cannot carry exactly'],
      ['test/client/frames.test.ts', 'a frame with %s changes nothing, and the channel goes on'],
    ],
  },
];
