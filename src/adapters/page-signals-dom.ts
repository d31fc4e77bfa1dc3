/** The life of a page, as the events of window and document tell it. */
import type { PageSignal } from '../core/vocabulary.js';
import type { PageSignals } from '../ports/page-signals.js';

/**
 * Reports what there is to report: nothing in Node and React Native, only the network in a worker.
 * No `unload` and no `beforeunload`: they keep a page out of the back/forward cache.
 */
export function domPageSignals(): PageSignals {
  return { listen };
}

function listen(emit: (signal: PageSignal) => void): () => void {
  const listening = new AbortController();
  // Something may be called window or document and be neither: https://github.com/SocketCluster/socketcluster/issues/329.
  const { document, navigator } = globalThis as Partial<typeof globalThis>;
  const page = isTarget(globalThis) ? globalThis : undefined;
  const view = isTarget(document) ? document : undefined;
  const isHidden = (): boolean => view !== undefined && view.visibilityState !== 'visible';
  const isOffline = (): boolean => navigator?.onLine === false;
  let toldOffline = false;

  const tell = (signal: PageSignal): void => {
    // The signal of a listener is younger than the API (Safari 15): a late event must not get out.
    if (listening.signal.aborted) return;
    if (signal === 'offline' || signal === 'online') toldOffline = signal === 'offline';
    emit(signal);
  };
  const on = (
    target: EventTarget | undefined,
    type: string,
    handle: (event: Event) => void,
  ): void => {
    target?.addEventListener(type, handle, { signal: listening.signal });
  };
  /** What differs from an ordinary page, which is visible and online. */
  const tellState = (): void => {
    if (isOffline()) tell('offline');
    if (isHidden()) tell('hidden');
  };
  /** A page that stood still has missed events: `online` for one, and it may be awake but hidden. */
  const tellWake = (signal: 'pageshow' | 'resume' | 'visible'): void => {
    if (toldOffline && !isOffline()) tell('online');
    tell(signal);
    tellState();
  };

  for (const signal of ['online', 'offline', 'pagehide'] as const) {
    on(page, signal, () => tell(signal));
  }
  on(page, 'focus', () => !isHidden() && tellWake('visible'));
  // Every page load ends with a pageshow. Only one out of the back/forward cache is a wake.
  on(page, 'pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) tellWake('pageshow');
  });
  // Read now, not remembered: after a freeze, events were seen to be missing on Android
  // (https://github.com/phoenixframework/phoenix/issues/6804).
  on(view, 'visibilitychange', () => (isHidden() ? tell('hidden') : tellWake('visible')));
  on(view, 'freeze', () => tell('freeze'));
  on(view, 'resume', () => tellWake('resume'));
  tellState();

  return () => listening.abort();
}

function isTarget<T>(value: T): value is T & EventTarget {
  return typeof (value as Partial<EventTarget> | undefined)?.addEventListener === 'function';
}
