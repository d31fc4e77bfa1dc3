/** What every scene works with: connections, sending paths, and the log of each instance. */
import type { Position } from '../../core/position.js';
import { Connection, type ConnectionParts, type JoinAnswer } from './connection.js';
import type { Heard, Sent } from './findings.js';
import { makeLanes, type Lane } from './lanes.js';
import { Listener } from './listener.js';
import { Markers } from './markers.js';
import { Pulse } from './pulse.js';
import { Recovery, type Walk } from './recovery.js';
import type { Instance, Settings } from './settings.js';

/** Time for a message to arrive before the next is tried. */
const PROBE_MS = 200;

export class Bench {
  readonly recoveries: readonly Recovery[];
  readonly markers: Markers = new Markers();
  readonly refused: string[] = [];
  readonly joined: string[] = [];
  /** Every connection that ever was. */
  readonly connections: Connection[] = [];
  /** The end of the log before the first message of the run, and where it was last looked for. */
  start: Position = { epoch: '', seq: 0 };
  end: Position = { epoch: '', seq: 0 };
  readonly #parts: ConnectionParts;
  readonly #lanes: readonly Lane[];
  readonly #broken = new Set<string>();
  #listeners: Listener[] = [];
  /** Paths whose messages do not arrive at a connection; nobody waits for them twice. */
  readonly #deaf = new Set<string>();

  constructor(readonly settings: Settings) {
    this.#parts = { settings, markers: this.markers, pulse: new Pulse() };
    this.#lanes = makeLanes(this.#parts);
    this.recoveries = settings.instances.map((instance) => new Recovery(this.#parts, instance));
  }

  /** The sending paths that have not failed. */
  get lanes(): readonly Lane[] {
    return this.#lanes.filter(({ name }) => !this.#broken.has(name));
  }

  get listeners(): readonly Connection[] {
    return this.#listeners.map(({ connection }) => connection);
  }

  /** A connection that shows another token, or none. */
  connectAs(instance: Instance, name: string, token: string | undefined): Connection {
    return this.#connect(instance, name, token);
  }

  /** Opens a connection that listens from now on. @returns what it was told at its join. */
  async listen(instance: Instance): Promise<JoinAnswer | undefined> {
    const name = `#${this.joined.length + this.refused.length + 1} to ${instance.name}`;
    const connection = this.#connect(instance, name, this.settings.token);
    const opened = await connection.open();
    const answer = opened ? await connection.join() : undefined;
    if (answer === undefined) {
      this.refused.push(`${name}: ${connection.whyOut()}`);
      await connection.close();
      return undefined;
    }
    if (answer.type === 'joined') await this.#probe(connection);
    this.joined.push(name);
    this.#listeners.push(new Listener(connection));
    return answer;
  }

  /** So many connections at each instance. */
  async listenAll(): Promise<readonly JoinAnswer[]> {
    const answers: JoinAnswer[] = [];
    for (const instance of this.settings.instances) {
      for (let i = 0; i < this.settings.connections; i += 1) {
        const answer = await this.listen(instance);
        if (answer !== undefined) answers.push(answer);
      }
    }
    return answers;
  }

  /** A new scene: what was heard before belongs to others. */
  begin(): void {
    for (const listener of this.#listeners) listener.begin();
  }

  async publish(lane: Lane): Promise<Sent> {
    const marker = this.markers.next();
    const told = { marker, lane: lane.name };
    const listeners = [...this.#listeners];
    try {
      const sent = { ...told, seq: await lane.send(marker), failure: undefined };
      for (const listener of listeners) listener.expect(sent);
      return sent;
    } catch (error) {
      this.#broken.add(lane.name);
      const failure = error instanceof Error ? error.message : String(error);
      return { ...told, seq: undefined, failure };
    }
  }

  /** Waits until every listener has got what it should have, or nothing comes in any more. */
  async echo(): Promise<void> {
    await this.until(() => this.#listeners.every((listener) => this.#isDone(listener)));
    for (const { instance } of this.recoveries) {
      const here = this.#listeners.filter(({ connection }) => connection.instance === instance);
      for (const { name } of this.#lanes) {
        const deaf = here.filter((listener) => listener.missing().has(name));
        // Where nobody heard it, nobody who comes later will.
        if (deaf.length > 0 && deaf.length === here.length)
          this.#deaf.add(`${instance.url} ${name}`);
        for (const { connection } of deaf) this.#deaf.add(`${connection.name} ${name}`);
      }
    }
  }

  heard(): Heard[] {
    return this.#listeners.map((listener) => listener.heard());
  }

  async walks(since: Position, limit?: number, to?: number): Promise<Walk[]> {
    const walks: Walk[] = [];
    for (const recovery of this.recoveries) walks.push(await recovery.walk(since, limit, to));
    return walks;
  }

  /** Looks for the end of the log. @returns it; where it was, when the log cannot be read. */
  async mark(): Promise<Position> {
    const [recovery] = this.recoveries;
    const page = (await recovery?.walk(this.end))?.pages.at(-1);
    if (page !== undefined) this.end = { epoch: page.epoch, seq: page.head };
    return this.end;
  }

  until(holds: () => boolean, idleMs: number = this.settings.timeoutMs): Promise<boolean> {
    return this.#parts.pulse.until(holds, idleMs);
  }

  /** Ends the connections that listen. */
  async hush(): Promise<void> {
    const listeners = this.listeners;
    this.#listeners = [];
    await Promise.all(listeners.map((connection) => connection.close()));
  }

  /** Ends everything that is open; sending paths and questions open anew what they need. */
  async close(): Promise<void> {
    await this.hush();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
    await Promise.all(this.recoveries.map((recovery) => recovery.close()));
  }

  /**
   * Without facts, a join may be one that the server has not come to yet: what is published by another
   * path could overtake it. Waits until something arrives.
   */
  async #probe(connection: Connection): Promise<void> {
    const from = connection.copies.length;
    const arrived = () => connection.copies.length > from;
    for (let waitedMs = 0; waitedMs < this.settings.timeoutMs && !arrived(); waitedMs += PROBE_MS) {
      const lane = this.lanes[(waitedMs / PROBE_MS) % this.lanes.length];
      if (lane === undefined) return;
      // A path that fails will be told of when it is used in earnest.
      await lane.send(this.markers.next()).catch(() => undefined);
      await this.until(arrived, PROBE_MS);
    }
  }

  #isDone(listener: Listener): boolean {
    const { instance, name } = listener.connection;
    return [...listener.missing()].every(
      (lane) => this.#deaf.has(`${name} ${lane}`) || this.#deaf.has(`${instance.url} ${lane}`),
    );
  }

  #connect(instance: Instance, name: string, token: string | undefined): Connection {
    const connection = new Connection(this.#parts, instance, name, token);
    this.connections.push(connection);
    return connection;
  }
}
