/** The hub: a log served to browsers, over WebSockets and the recovery call. The one composition root. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../core/frames.js';
import { attachRoutes, refuseUpgrade } from './attachment.js';
import { Authorizer } from './authorize.js';
import { Connection } from './connection.js';
import { refuseOption, ServerError, wholeNumber } from './errors.js';
import { Fanout } from './fanout.js';
import { Following } from './following.js';
import { readHeads } from './heads.js';
import { Heartbeat } from './heartbeat.js';
import { resolveHubOptions, type HubOptions, type HubSocket } from './options.js';
import { originCheck } from './origin.js';
import type { HubParts } from './parts.js';
import { isPromise } from './promises.js';
import { RecoverHttp } from './recover-http.js';
import { Recovery } from './recovery.js';
import { makeReport, type Report } from './report.js';
import { newCounters, type HubStats } from './stats.js';
import { Tick } from './tick.js';

export interface AttachOptions {
  /** Path of the WebSocket endpoint, compared exactly, without the query. Default `/realtime`. */
  readonly path?: string | undefined;
  /**
   * Path of the recovery call. Default `/recover`; `false` for apps that route it to `handleRecover`
   * themselves.
   */
  readonly recoverPath?: string | false | undefined;
}

export interface DrainOptions {
  /** Milliseconds over which clients are asked to spread their return. Default 10,000; 0 to 3,600,000. */
  readonly spreadMs?: number | undefined;
}

export interface Hub {
  /**
   * Serves on an HTTP or HTTPS server next to whatever else it serves. Call it after the app has added
   * its own listener for requests. A hub may be attached to several servers.
   *
   * @returns a function that detaches; connections stay. It may be called twice.
   * @throws ServerError `bad_option`; `closed` after `drain` or `close`.
   */
  attach(server: Server | HttpsServer, options?: AttachOptions): () => void;
  /** Answers one recovery call, in any framework whose handlers get Node's request and response. */
  handleRecover(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /**
   * Before a planned restart: refuses new connections with 503, tells the open ones to come back
   * (`goaway`), and closes them with 1012. Recoveries over HTTP are still answered.
   *
   * @returns a promise for the moment when the last connection is gone, within about 5 seconds.
   * @throws ServerError `bad_option`.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Ends everything: detaches from its servers and its log, and closes connections with 1001. No timer
   * and no listener is left. May be called twice.
   *
   * @returns a promise for the moment when the last connection is gone, within about 5 seconds.
   */
  close(): Promise<void>;
  /** The counters of this instant. */
  stats(): HubStats;
}

/**
 * Makes a hub. It does not listen anywhere before `attach`.
 *
 * @throws ServerError `bad_option`, naming the option and its value.
 */
export function createHub(options: HubOptions): Hub {
  return new LogHub(options);
}

/** Going away: the hub is closed and says nothing about when there will be another. */
const CLOSE_GOING_AWAY = 1001;

class LogHub implements Hub {
  readonly #parts: HubParts;
  readonly #upgrader: WebSocketServer;
  readonly #recoverHttp: RecoverHttp;
  readonly #heartbeat: Heartbeat;
  readonly #stopFeed: () => void;
  readonly #connections = new Set<Connection>();
  readonly #detachers = new Set<() => void>();
  #state: 'open' | 'draining' | 'closed' = 'open';

  constructor(options: HubOptions) {
    const settings = resolveHubOptions(options);
    const counters = newCounters();
    const print = makeReport(settings.onError);
    const report: Report = (...failure) => {
      counters.errors += 1;
      print(...failure);
    };
    const following = new Following(settings.log, report);
    const fanout = new Fanout(following);
    this.#parts = {
      settings,
      counters,
      report,
      fanout,
      following,
      authorizer: new Authorizer(settings, report, counters),
      recovery: new Recovery(settings.log, counters),
      admits: originCheck(settings.origins, report),
      tick: new Tick(),
    };
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: settings.maxFrameBytes,
      // Small frames gain nothing from it, and it costs memory for every connection.
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#recoverHttp = new RecoverHttp(this.#parts, () => this.#state === 'closed');
    this.#stopFeed = settings.log.listen((message) => fanout.publish(message));
    this.#heartbeat = new Heartbeat({
      heartbeatMs: settings.heartbeatMs,
      probe: () => this.#each((connection) => connection.probe()),
      readHeads: () => readHeads(settings.log, fanout.channels(), report),
      send: (entries) => this.#each((connection) => connection.sendHeads(entries)),
    });
  }

  attach(server: Server | HttpsServer, options: AttachOptions = {}): () => void {
    if (this.#state !== 'open') throw new ServerError('closed', { call: 'attach' });
    const { path = '/realtime', recoverPath = '/recover' } = options;
    checkPath('path', path);
    if (recoverPath !== false) checkPath('recoverPath', recoverPath);
    const detach = attachRoutes(server, {
      path,
      recoverPath,
      onUpgrade: (...upgrade) => this.#upgrade(...upgrade),
      onRecover: (...call) => void this.handleRecover(...call),
    });
    this.#detachers.add(detach);
    return () => {
      this.#detachers.delete(detach);
      detach();
    };
  }

  handleRecover(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#recoverHttp.handle(request, response);
  }

  async drain({ spreadMs = 10_000 }: DrainOptions = {}): Promise<void> {
    wholeNumber('spreadMs', spreadMs, 0, 3_600_000);
    if (this.#state === 'open') this.#state = 'draining';
    this.#each((connection) => connection.goAway(spreadMs));
    await this.#allGone();
  }

  async close(): Promise<void> {
    if (this.#state !== 'closed') {
      this.#state = 'closed';
      this.#heartbeat.stop();
      this.#stopFeed();
      for (const detach of this.#detachers) detach();
      this.#detachers.clear();
      this.#parts.tick.stop();
      this.#each((connection) => connection.close(CLOSE_GOING_AWAY, 'closed'));
      this.#upgrader.close();
    }
    await this.#allGone();
  }

  stats(): HubStats {
    const { counters, fanout } = this.#parts;
    let subscriptions = 0;
    for (const { channels } of this.#connections) subscriptions += channels.size;
    return {
      ...counters,
      recoveries: { ...counters.recoveries },
      connections: this.#connections.size,
      channels: fanout.size,
      subscriptions,
    };
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#state !== 'open') {
      refuseUpgrade(socket, 503);
      return;
    }
    if (!this.#parts.admits(request)) {
      this.#parts.counters.originRefusals += 1;
      refuseUpgrade(socket, 403);
      return;
    }
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      this.#parts.counters.accepted += 1;
      const connection = new Connection(this.#parts, webSocket, request);
      this.#connections.add(connection);
      void connection.gone.then(() => this.#connections.delete(connection));
      // Not before, because the app may close the hub there; and what is to be sent still waits for the tick.
      this.#tellApp(webSocket, request);
    });
  }

  #tellApp(socket: HubSocket, request: IncomingMessage): void {
    const failed = (error: unknown): void => this.#parts.report('onConnection', error);
    try {
      const told: unknown = this.#parts.settings.onConnection?.(socket, request);
      // A function that is async, which its type allows: its rejection would end the process.
      if (isPromise(told)) told.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #each(act: (connection: Connection) => void): void {
    for (const connection of [...this.#connections]) act(connection);
  }

  async #allGone(): Promise<void> {
    await Promise.all(Array.from(this.#connections, ({ gone }) => gone));
  }
}

function checkPath(option: string, path: unknown): void {
  if (typeof path === 'string' && /^\/[^?#]*$/.test(path)) return;
  refuseOption(option, path, `a path that begins with '/' and has no query`);
}
