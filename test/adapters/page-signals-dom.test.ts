import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { domPageSignals } from '../../src/adapters/page-signals-dom.js';
import type { PageSignal } from '../../src/core/vocabulary.js';

let signals: PageSignal[];
let stop: () => void;

const listen = () => {
  stop = domPageSignals().listen((signal) => signals.push(signal));
};

beforeEach(() => {
  signals = [];
  stop = () => undefined;
});

afterEach(() => {
  stop();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const visibility = (state: string) =>
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state as DocumentVisibilityState);
const online = (yes: boolean) => vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(yes);
const onWindow = (type: string, more: object = {}) =>
  window.dispatchEvent(Object.assign(new Event(type), more));
const onDocument = (type: string) => document.dispatchEvent(new Event(type));

describe('at the start', () => {
  test('says nothing of a page that is visible and online', () => {
    listen();
    expect(signals).toEqual([]);
  });

  test('says offline and hidden', () => {
    online(false);
    visibility('hidden');
    listen();
    expect(signals).toEqual(['offline', 'hidden']);
  });

  test('a page that is prerendered is hidden', () => {
    visibility('prerender');
    listen();
    expect(signals).toEqual(['hidden']);
  });
});

describe('events', () => {
  test('online and offline are passed on', () => {
    listen();
    onWindow('offline');
    onWindow('online');
    expect(signals).toEqual(['offline', 'online']);
  });

  test('a change of visibility is passed on as the page is at that moment', () => {
    listen();
    visibility('hidden');
    onDocument('visibilitychange');
    visibility('visible');
    onDocument('visibilitychange');
    expect(signals).toEqual(['hidden', 'visible']);
  });

  test('focus is a wake only if the page can be seen', () => {
    listen();
    visibility('hidden');
    onWindow('focus');
    visibility('visible');
    onWindow('focus');
    expect(signals).toEqual(['visible']);
  });

  test('the pageshow that ends every load is no wake, one from the cache is', () => {
    listen();
    onWindow('pageshow', { persisted: false });
    onWindow('pagehide', { persisted: true });
    onWindow('pageshow', { persisted: true });
    expect(signals).toEqual(['pagehide', 'pageshow']);
  });

  test('pagehide counts whether the page is kept or not', () => {
    listen();
    onWindow('pagehide', { persisted: false });
    expect(signals).toEqual(['pagehide']);
  });

  test('freeze and resume', () => {
    listen();
    onDocument('freeze');
    onDocument('resume');
    expect(signals).toEqual(['freeze', 'resume']);
  });

  test('after a freeze in which the events of visibility were lost, the page is as it is', () => {
    visibility('hidden');
    listen();
    onDocument('freeze');
    visibility('visible');
    onDocument('resume');
    expect(signals).toEqual(['hidden', 'freeze', 'resume']);
  });

  test('a hidden page that is resumed is still hidden', () => {
    listen();
    visibility('hidden');
    onDocument('visibilitychange');
    onDocument('freeze');
    onDocument('resume');
    expect(signals).toEqual(['hidden', 'freeze', 'resume', 'hidden']);
  });

  test('the network that came back during the sleep is reported before the wake', () => {
    listen();
    online(false);
    onWindow('offline');
    onWindow('pagehide');
    online(true);
    onWindow('pageshow', { persisted: true });
    onDocument('resume');
    expect(signals).toEqual(['offline', 'pagehide', 'online', 'pageshow', 'resume']);
  });

  test.each(['visibilitychange', 'focus'])(
    'so it is where %s is all that tells of the wake',
    (type) => {
      listen();
      online(false);
      onWindow('offline');
      online(true);
      if (type === 'focus') onWindow(type);
      else onDocument(type);
      expect(signals).toEqual(['offline', 'online', 'visible']);
    },
  );

  test('a network that is away still is said to be, and never to be back', () => {
    listen();
    online(false);
    onWindow('offline');
    onDocument('resume');
    expect(signals).toEqual(['offline', 'resume', 'offline']);
  });

  test('the network that went away during the sleep is reported after the wake', () => {
    listen();
    onDocument('freeze');
    online(false);
    onDocument('resume');
    expect(signals).toEqual(['freeze', 'resume', 'offline']);
  });
});

describe('listeners', () => {
  test('all are removed, and removing twice is fine', () => {
    const targets = [window, document];
    const added = targets.map((target) => vi.spyOn(target, 'addEventListener'));
    for (let i = 0; i < 1_000; i += 1) {
      listen();
      stop();
      stop();
    }
    const options = added.flatMap(({ mock }) => mock.calls.map((call) => call[2]));
    expect(options.length).toBe(8_000);
    const isGone = (option: unknown) => (option as { signal: AbortSignal }).signal.aborted;
    expect(options.every(isGone)).toBe(true);
    onWindow('online');
    onDocument('visibilitychange');
    expect(signals).toEqual([]);
  });

  test('where listeners take no signal, nothing gets out after the stop', () => {
    for (const target of [window, document]) {
      const add = target.addEventListener.bind(target);
      vi.spyOn(target, 'addEventListener').mockImplementation((type: string, listener: unknown) =>
        add(type, listener as () => void),
      );
    }
    listen();
    onWindow('online');
    stop();
    onWindow('online');
    onWindow('pageshow', { persisted: true });
    onDocument('resume');
    expect(signals).toEqual(['online']);
  });

  test('a stop within a signal is the end', () => {
    stop = domPageSignals().listen((signal) => {
      signals.push(signal);
      stop();
    });
    visibility('hidden');
    onDocument('resume');
    expect(signals).toEqual(['resume']);
  });

  test('never for unload or beforeunload: they keep a page out of the back/forward cache', () => {
    const added = vi.spyOn(window, 'addEventListener');
    listen();
    expect(added.mock.calls.map(([type]) => type).filter((type) => /unload/.test(type))).toEqual(
      [],
    );
  });
});

describe('where there is no page', () => {
  test.each<[string, Record<string, unknown>]>([
    ['Node', { addEventListener: undefined, document: undefined, navigator: undefined }],
    [
      'React Native: window and document are there, and are neither',
      {
        addEventListener: undefined,
        window: {},
        document: {},
        navigator: { product: 'ReactNative' },
      },
    ],
  ])('%s: nothing is reported', (_where, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    listen();
    stop();
    expect(signals).toEqual([]);
  });

  test('a worker: the network is', () => {
    vi.stubGlobal('document', undefined);
    listen();
    onWindow('offline');
    onWindow('online');
    expect(signals).toEqual(['offline', 'online']);
  });

  test('making it touches nothing', () => {
    const added = vi.spyOn(window, 'addEventListener');
    domPageSignals();
    expect(added).not.toHaveBeenCalled();
  });
});
