/** Questions to the log of the channel at one instance, by the carrier that the clients would use. */
import type { Page, RecoverRequest } from '../../core/frames.js';
import type { Position } from '../../core/position.js';
import { Connection, type ConnectionParts } from './connection.js';
import { inTime } from './in-time.js';
import { askByFetch, type HttpSight } from './recovery-http.js';
import { fingerprint, type Copy } from './reading.js';
import type { Instance } from './settings.js';

/** What came back for one question. */
export interface Answer {
  /** 0 when there was none. */
  readonly status: number;
  readonly page?: Page;
  /** Why there is no page, in words. */
  readonly problem?: string;
  readonly http?: HttpSight;
}

/** Everything after a position, by as many pages as it took. */
export interface Walk {
  readonly instance: string;
  readonly since: Position;
  readonly pages: readonly Page[];
  readonly copies: readonly Copy[];
  /** Why it ended early. */
  readonly problem: string | undefined;
}

/** How many pages a walk takes at most: a server that always says `more` must not keep us for ever. */
const MAX_PAGES = 5_000;

/** The most messages asked for in a page. */
const PAGE = 1_000;

export interface Ask {
  readonly limit?: number;
  readonly token?: string | undefined;
}

export class Recovery {
  readonly #parts: ConnectionParts;
  #socket: Promise<Connection> | undefined;

  constructor(
    parts: ConnectionParts,
    readonly instance: Instance,
  ) {
    this.#parts = parts;
  }

  /** Is it an HTTP call, with status, headers and a query to look at? */
  get isHttp(): boolean {
    return typeof this.instance.recover === 'string';
  }

  request({ epoch, seq }: Position): RecoverRequest {
    return { channel: this.#parts.settings.channel, epoch, seq };
  }

  async ask(position: Position, ask: Ask = {}): Promise<Answer> {
    const { settings } = this.#parts;
    const limit = ask.limit ?? PAGE;
    const token = 'token' in ask ? ask.token : settings.token;
    const request = this.request(position);
    const { recover } = this.instance;
    if (recover === undefined) return this.#askBySocket(request, limit);
    const answer =
      typeof recover === 'string'
        ? await askByFetch(recover, { request, limit, token, settings, dialect: settings.dialect })
        : await this.#askFunction(recover, request, { limit, token });
    return 'body' in answer ? { ...answer, ...this.#judge(answer.body, request) } : answer;
  }

  /** @param to what is asked for: on a busy channel there may be more for ever, behind it. */
  async walk(since: Position, limit: number = PAGE, to?: number): Promise<Walk> {
    const pages: Page[] = [];
    const copies: Copy[] = [];
    let { seq } = since;
    let problem: string | undefined;
    while (problem === undefined) {
      const answer = await this.ask({ epoch: since.epoch, seq }, { limit });
      const { page } = answer;
      if (page === undefined) {
        problem = problemOf(answer);
        break;
      }
      pages.push(page);
      copies.push(...this.copiesOf(page));
      const next = coverOf(page);
      if (!page.more || (to !== undefined && next > to)) break;
      if (next <= seq) problem = `since ${seq}, it says that there is more and gives nothing`;
      if (pages.length === MAX_PAGES) problem = `${MAX_PAGES} pages were not the end`;
      seq = next;
    }
    return { instance: this.instance.name, since, pages, copies, problem };
  }

  copiesOf({ epoch, messages }: Page): readonly Copy[] {
    const { markers, settings } = this.#parts;
    return messages.map(({ data, id, seq }) => ({
      key: markers.in(data) ?? id ?? fingerprint(data, settings.seqField),
      seq,
      epoch,
    }));
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    await (await socket)?.close();
  }

  #judge(body: unknown, request: RecoverRequest): Pick<Answer, 'page' | 'problem'> {
    const page = this.#parts.settings.dialect.decodePage(body, request);
    return 'type' in page ? { problem: page.reason } : { page };
  }

  async #askFunction(
    recover: Exclude<Instance['recover'], string | undefined>,
    { channel, epoch, seq }: RecoverRequest,
    { limit, token }: { readonly limit: number; readonly token: string | undefined },
  ): Promise<Answer | { readonly status: 200; readonly body: unknown }> {
    const { timeoutMs } = this.#parts.settings;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const question = { channel, epoch, since: seq, limit, token, signal };
      return { status: 200, body: await inTime(() => recover(question), timeoutMs) };
    } catch (error) {
      const { status } = Object(error) as { readonly status?: unknown };
      return { status: typeof status === 'number' ? status : 0, problem: String(error) };
    }
  }

  async #connect(): Promise<Connection> {
    const connection = new Connection(
      this.#parts,
      this.instance,
      `asks ${this.instance.name}`,
      this.#parts.settings.token,
    );
    await connection.open();
    return connection;
  }

  /** In the band of a connection that has joined nothing. */
  async #askBySocket(request: RecoverRequest, limit: number): Promise<Answer> {
    const socket = await (this.#socket ??= this.#connect());
    if (!socket.isOpen) {
      this.#socket = undefined;
      return { status: 0, problem: 'the connection for recoveries could not be opened' };
    }
    const id = socket.id();
    if (!socket.send({ type: 'recover', id, items: [request], limit })) {
      return { status: 0, problem: 'there is no recovery call: give --recover' };
    }
    const answer = () =>
      socket.frames.find((frame) => frame.type === 'recovered' && frame.id === id);
    await socket.wait(() => answer() !== undefined || socket.refused(id) || !socket.isOpen);
    const frame = answer();
    if (frame?.type !== 'recovered') return { status: 0, problem: 'no answer over the socket' };
    const [item] = frame.items;
    if (item === undefined) return { status: 0, problem: 'the answer is empty' };
    if ('page' in item) return { status: 200, page: item.page };
    return { status: item.status, problem: 'reason' in item ? item.reason : 'refused' };
  }
}

/** The last number that a page covers. */
export function coverOf({ head, messages, more, upto }: Page): number {
  return upto ?? (more ? (messages.at(-1)?.seq ?? 0) : head);
}

/** Had the log dropped that number when the walk came to it, and said so? */
export const isDropped = ({ pages }: Walk, seq: number): boolean =>
  (pages.find((page) => coverOf(page) >= seq)?.oldest ?? 0) > seq;

export function problemOf({ status, problem }: Answer): string {
  if (status === 0) return problem ?? 'no answer';
  return status === 200 ? `status 200, but ${problem ?? 'no page'}` : `status ${status}`;
}
