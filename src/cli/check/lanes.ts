/** Sending paths, ready to be used: one per HTTP call, command or function, and one per URL over sockets. */
import { spawn } from 'node:child_process';
import { Connection, type ConnectionParts } from './connection.js';
import { COMMAND_MS, inTime } from './in-time.js';
import { reasonOf } from './recovery-http.js';
import { withoutBraces } from './sender.js';
import type { Instance, SenderSpec } from './settings.js';

export interface Lane {
  /** Names it in the evidence; without what may be secret. */
  readonly name: string;
  /** Sends over a connection to the server, which on some servers is a reader too. */
  readonly bySocket: boolean;
  /** Starts a process for every message. */
  readonly slow: boolean;
  /** @returns the number in the server's answer, where it gave one. Rejects when it was not taken. */
  send(marker: string): Promise<number | undefined>;
  close(): Promise<void>;
}

export function makeLanes(parts: ConnectionParts): readonly Lane[] {
  const { instances, senders } = parts.settings;
  const own = distinct();
  return senders.flatMap((spec) =>
    spec.kind === 'publish' || spec.kind === 'ws'
      ? instances.map(
          (instance) =>
            new SocketLane(parts, instance, spec, own(`${spec.kind} over ${instance.name}`)),
        )
      : [plainLane(parts, spec, own(nameOf(spec)))],
  );
}

/** Paths go by their names: two of one name would be taken for one, and the second fail with the first. */
function distinct(): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  };
}

/** Its own connection, which joins nothing. */
class SocketLane implements Lane {
  readonly bySocket = true;
  readonly slow = false;
  #connection: Promise<Connection> | undefined;

  constructor(
    private readonly parts: ConnectionParts,
    private readonly instance: Instance,
    private readonly spec: Extract<SenderSpec, { readonly kind: 'publish' | 'ws' }>,
    readonly name: string,
  ) {}

  async send(marker: string): Promise<number | undefined> {
    const { channel } = this.parts.settings;
    const connection = await this.#open();
    if (!connection.isOpen) throw new Error(`the connection for it: ${connection.whyEnded()}`);
    if (this.spec.kind === 'ws') {
      connection.sendText(fill(this.spec.text, inJson({ channel, marker })));
      return undefined;
    }
    const id = connection.id();
    const data = { check: marker };
    if (!connection.send({ type: 'publish', id, channel, key: marker, data })) {
      throw new Error('the dialect has no publish frame');
    }
    const ack = () => connection.frames.find((frame) => frame.type === 'ack' && frame.id === id);
    await connection.wait(
      () => ack() !== undefined || connection.refused(id) || !connection.isOpen,
    );
    const frame = ack();
    if (frame?.type === 'ack') return frame.position.seq;
    if (!connection.refused(id)) throw new Error('no ack came');
    throw new Error(`refused by the server with ${connection.refusal ?? ''}`);
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.close();
  }

  #open(): Promise<Connection> {
    return (this.#connection ??= this.#connect());
  }

  async #connect(): Promise<Connection> {
    const connection = new Connection(
      this.parts,
      this.instance,
      this.name,
      this.parts.settings.token,
    );
    if (await connection.open()) return connection;
    this.#connection = undefined;
    throw new Error('the connection for it could not be opened');
  }
}

function plainLane(
  parts: ConnectionParts,
  spec: Exclude<SenderSpec, { readonly kind: 'publish' | 'ws' }>,
  name: string,
): Lane {
  return {
    name,
    bySocket: false,
    slow: spec.kind === 'sh',
    send: async (marker) => {
      if (spec.kind === 'http') await call(parts, spec, marker);
      else if (spec.kind === 'sh') await run(parts, spec.command, marker);
      else {
        const { channel, token } = parts.settings;
        await inTime(() => spec.send({ marker, channel, token }));
      }
      return undefined;
    },
    close: () => Promise.resolve(),
  };
}

function nameOf(spec: Exclude<SenderSpec, { readonly kind: 'publish' | 'ws' }>): string {
  if (spec.kind === 'function') return spec.name;
  if (spec.kind === 'sh') {
    // In front of a command may stand what it finds in its environment: `TOKEN=… node publish.js`.
    const [program] = /^[^\s='"]+(?=\s|$)/.exec(spec.command.trim()) ?? [];
    return program === undefined ? 'sh …' : `sh ${program} …`;
  }
  const { host, pathname } = new URL(withoutBraces(spec.url));
  return `${spec.method} ${host}${pathname.replaceAll('%7B', '{').replaceAll('%7D', '}')}`;
}

async function call(
  { settings }: ConnectionParts,
  spec: Extract<SenderSpec, { readonly kind: 'http' }>,
  marker: string,
): Promise<void> {
  const { channel, timeoutMs, token } = settings;
  const url = fill(spec.url, {
    channel: encodeURIComponent(channel),
    marker: encodeURIComponent(marker),
  });
  const response = await fetch(url, {
    method: spec.method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(spec.body !== undefined && { 'Content-Type': 'application/json' }),
      ...spec.headers,
    },
    ...(spec.body !== undefined && { body: fill(spec.body, inJson({ channel, marker })) }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new Error(reasonOf(error));
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`status ${response.status}`);
}

function run({ settings }: ConnectionParts, command: string, marker: string): Promise<void> {
  const { channel } = settings;
  return runCommand(fill(command, { channel: inShell(channel), marker }), {
    LASTSEQ_CHANNEL: channel,
    LASTSEQ_MARKER: marker,
  });
}

/** Rejects with the exit status alone: what a command prints may hold secrets. */
export function runCommand(
  command: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      // What it starts in the background may hold its output open for ever.
      stdio: 'ignore',
      timeout: COMMAND_MS,
      env: { ...process.env, ...env },
    });
    child.on('error', () => reject(new Error('the command could not be started')));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`the command ended with ${signal ?? `status ${code ?? ''}`}`));
    });
  });
}

const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(marker|channel)\}/g, (_, name: string) => values[name] ?? '');

/** Only what needs quotes gets them: inside those of the command they would be a part of the name. */
const inShell = (text: string): string =>
  /^[\w.:@%+,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** As they stand inside the quotes of a JSON text. */
const inJson = (values: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, JSON.stringify(value).slice(1, -1)]),
  );
