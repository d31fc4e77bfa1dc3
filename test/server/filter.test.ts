import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  memoryLog,
  type HubOptions,
  type Log,
  type LogMessage,
  type Reader,
} from '../../src/server/index.js';
import { View } from '../../src/server/view.js';
import {
  connect,
  deferred,
  heldReads,
  logWith,
  recover,
  startHub,
  type StartOptions,
} from './harness.js';

const room = 'room:1';

interface Note {
  readonly to: string;
}

/** A room in which everybody sees only what is addressed to them, and `root` sees everything. */
const ownOnly = {
  authorize: ({ token }) => (token === undefined ? 'unauthorized' : { principal: token }),
  filter: ({ principal }) => {
    if (principal === 'root') return undefined;
    return ({ data }) => (data as Note).to === principal;
  },
} satisfies StartOptions;

async function connectAs(url: string, token: string) {
  const client = await connect(url);
  client.send({ type: 'auth', token });
  return client;
}

function appendTo(log: Pick<Log, 'append'>, ...names: string[]): void {
  for (const to of names) void log.append(room, { to });
}

describe('a filter', () => {
  it('shows each reader its own messages, each naming the one before that it saw', async () => {
    const { url, log } = await startHub(ownOnly);
    const [ann, bob, root] = await Promise.all(
      ['ann', 'bob', 'root'].map((name) => connectAs(url, name)),
    );
    for (const client of [ann!, bob!, root!]) {
      expect(await client.subscribe(room)).toMatchObject({ head: 0, oldest: 1 });
    }
    appendTo(log, 'ann', 'bob', 'bob', 'ann', 'ann', 'bob');
    const seen = async (client: typeof ann, count: number) =>
      (await client!.messages(count)).map(({ seq, prev, data }) => [seq, prev, data.to]);
    expect(await seen(ann, 3)).toEqual([
      [1, undefined, 'ann'],
      [4, 1, 'ann'],
      [5, undefined, 'ann'],
    ]);
    expect(await seen(bob, 3)).toEqual([
      [2, 0, 'bob'],
      [3, undefined, 'bob'],
      [6, 3, 'bob'],
    ]);
    expect((await seen(root, 6)).map(([seq, prev]) => [seq, prev])).toEqual(
      [1, 2, 3, 4, 5, 6].map((seq) => [seq, undefined]),
    );
    expect(ann!.texts.join()).not.toContain('"to":"bob"');
    expect(bob!.texts.join()).not.toContain('"to":"ann"');
  });

  it('is announced as the capability sparse, and only where there is one', async () => {
    const filtered = await connect((await startHub(ownOnly)).url);
    const plain = await connect((await startHub()).url);
    expect(filtered.frames[0]!.caps).toContain('sparse');
    expect(plain.frames[0]!.caps).not.toContain('sparse');
  });

  it('is asked for once per subscription and once per recovery', async () => {
    const asked: Reader[] = [];
    const { url, log } = await startHub({
      authorize: () => ({ principal: 'ann' }),
      filter: (reader) => {
        asked.push(reader);
        return () => true;
      },
    });
    const client = await connect(url);
    const { epoch } = await client.subscribe(room);
    appendTo(log, 'ann', 'ann', 'ann');
    await client.messages(3);
    expect(asked).toEqual([{ channel: room, principal: 'ann' }]);
    client.send({ type: 'recover', id: 1, items: [{ channel: room, epoch, since: 0 }] });
    await client.next('recovered');
    expect(asked).toHaveLength(2);
  });

  it('is that of whom the app names for the channel, and not for the connection', async () => {
    const { url, log } = await startHub({
      ...ownOnly,
      authorize: ({ action }) => ({ principal: action === 'connect' ? 'root' : 'ann' }),
    });
    const client = await connect(url);
    await client.subscribe(room);
    appendTo(log, 'bob', 'ann');
    expect(await client.next('message')).toMatchObject({ seq: 2, prev: 0, data: { to: 'ann' } });
  });

  it('sees what the log knows of a message, and parses it once for all readers', async () => {
    const seen: unknown[] = [];
    const { url, log } = await startHub({
      filter: () => (message) => {
        seen.push(message.data);
        const { channel, epoch, seq, ts, from } = message;
        expect({ channel, epoch, seq, ts, from }).toEqual({
          channel: room,
          epoch: log.facts(room).epoch,
          seq: 1,
          ts: expect.any(Number),
          from: 'ann',
        });
        return true;
      },
    });
    const [one, two] = [await connect(url), await connect(url)];
    await one.subscribe(room);
    await two.subscribe(room);
    log.append(room, { text: 'hi' }, { from: 'ann' });
    await one.next('message');
    await two.next('message');
    expect(seen).toEqual([{ text: 'hi' }, { text: 'hi' }]);
    expect(seen[0]).toBe(seen[1]);
  });

  it('costs those who see everything nothing: a message is written once for all', async () => {
    let listener: (message: LogMessage) => void = () => undefined;
    const log = logWith({
      listen: (listen) => {
        listener = listen;
        return () => undefined;
      },
    });
    const { url } = await startHub({ log });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(url)));
    for (const client of clients) await client.subscribe(room);
    let written = 0;
    listener({
      channel: room,
      epoch: 'e',
      seq: 1,
      ts: 0,
      get json() {
        written += 1;
        return '1';
      },
    });
    for (const client of clients) await client.next('message');
    expect(written).toBe(1);
  });
});

describe('heads of a filtered channel', () => {
  const heads = async (client: Awaited<ReturnType<typeof connect>>) => {
    client.send({ type: 'ping' });
    return (await client.next('heads')).heads[room];
  };

  it('carry the last number that the reader saw, while nothing comes for it', async () => {
    const { url, log } = await startHub(ownOnly);
    const ann = await connectAs(url, 'ann');
    const root = await connectAs(url, 'root');
    appendTo(log, 'bob');
    const { epoch } = await ann.subscribe(room);
    await root.subscribe(room);
    // What was there before may have been for ann: her join has told her to ask the log.
    expect(await heads(ann)).toEqual([epoch, 1, null, 1]);
    appendTo(log, 'bob', 'bob');
    expect(await heads(ann)).toEqual([epoch, 3, null, 1]);
    appendTo(log, 'ann', 'bob');
    expect(await heads(ann)).toEqual([epoch, 5, null, 4]);
    expect(await heads(root)).toEqual([epoch, 5]);
  });

  it('call nothing hidden that this hub has not seen', async () => {
    const inner = memoryLog();
    let isDeaf = false;
    const log = logWith({
      append: (...args) => inner.append(...args),
      facts: (...args) => inner.facts(...args),
      listen: (listener) => inner.listen((message) => !isDeaf && listener(message)),
    });
    const { url } = await startHub({ ...ownOnly, log });
    const ann = await connectAs(url, 'ann');
    const { epoch } = await ann.subscribe(room);
    appendTo(log, 'ann', 'bob');
    expect(await heads(ann)).toEqual([epoch, 2, null, 1]);
    isDeaf = true;
    appendTo(log, 'ann');
    expect(await heads(ann)).toEqual([epoch, 3, null, 3]);
    isDeaf = false;
    appendTo(log, 'bob');
    expect(await heads(ann)).toEqual([epoch, 4, null, 3]);
    appendTo(log, 'ann');
    expect(await ann.next('message')).toMatchObject({ seq: 5, prev: 3 });
  });

  it('call nothing hidden in another life of the log', async () => {
    const { url, log } = await startHub(ownOnly);
    const ann = await connectAs(url, 'ann');
    await ann.subscribe(room);
    appendTo(log, 'bob', 'bob');
    log.reset();
    const { epoch } = log.facts(room);
    expect(await heads(ann)).toEqual([epoch, 0, null, 0]);
    appendTo(log, 'bob', 'bob', 'ann');
    expect(await heads(ann)).toEqual([epoch, 3, null, 3]);
    const [message] = ann.frames.filter(({ type }) => type === 'message');
    expect(message).toMatchObject({ epoch, seq: 3, prev: 0 });
  });
});

describe('the recovery of a filtered channel', () => {
  /** The same question over both carriers; they must agree. */
  async function ask(
    { url, port }: { readonly url: string; readonly port: number },
    token: string,
    position: { readonly epoch: string; readonly since: number },
    limit?: number,
  ) {
    const client = await connectAs(url, token);
    client.send({ type: 'recover', id: 1, items: [{ channel: room, ...position }], limit });
    const [item] = (await client.next('recovered')).items;
    const { body } = await recover(
      port,
      { channel: room, ...position, ...(limit === undefined ? {} : { limit }) },
      { Authorization: `Bearer ${token}` },
    );
    expect({ status: 200, ...body }).toEqual(item);
    const { messages, more, upto, void: hidden } = body;
    return { seqs: messages.map(({ seq }: { seq: number }) => seq), more, upto, hidden, body };
  }

  it('marks what the reader does not see as void, over both carriers', async () => {
    const hub = await startHub(ownOnly);
    appendTo(hub.log, 'ann', 'bob', 'bob', 'ann', 'bob', 'ann', 'bob');
    const { epoch } = hub.log.facts(room);
    const ann = await ask(hub, 'ann', { epoch, since: 0 });
    expect(ann).toMatchObject({ seqs: [1, 4, 6], more: false, upto: undefined });
    expect(ann.hidden).toEqual([
      [2, 3],
      [5, 5],
      [7, 7],
    ]);
    expect(ann.body).toMatchObject({ head: 7, oldest: 1 });
    expect(JSON.stringify(ann.body)).not.toContain('bob');
    expect(await ask(hub, 'root', { epoch, since: 5 })).toMatchObject({
      seqs: [6, 7],
      hidden: undefined,
    });
  });

  it('says how far a page reaches, so that a long run of hidden messages is got through', async () => {
    const hub = await startHub({ ...ownOnly, limits: { page: 3 } });
    appendTo(hub.log, 'ann', ...Array<string>(7).fill('bob'), 'ann');
    const { epoch } = hub.log.facts(room);
    const pages = [];
    let since = 0;
    for (let more = true; more;) {
      const page = await ask(hub, 'ann', { epoch, since });
      pages.push([page.seqs, page.hidden, page.upto]);
      since = page.upto ?? page.body.head;
      more = page.more;
    }
    expect(pages).toEqual([
      [[1], [[2, 3]], 3],
      [[], [[4, 6]], 6],
      [[9], [[7, 8]], undefined],
    ]);
  });

  it('counts the bytes that were read, and covers what it read, with nothing to show', async () => {
    const hub = await startHub({ ...ownOnly, limits: { pageBytes: 2_048 } });
    const text = 'x'.repeat(500);
    for (const to of ['bob', 'bob', 'bob', 'bob', 'bob', 'ann']) hub.log.append(room, { to, text });
    const { epoch } = hub.log.facts(room);
    const first = await ask(hub, 'ann', { epoch, since: 0 });
    expect(first).toMatchObject({ seqs: [], hidden: [[1, 3]], more: true, upto: 3 });
    const second = await ask(hub, 'ann', { epoch, since: 3 });
    expect(second).toMatchObject({ seqs: [6], hidden: [[4, 5]], more: false });
  });

  it('of another epoch, of the future and of an expired log has nothing to hide', async () => {
    const hub = await startHub(ownOnly);
    appendTo(hub.log, 'bob', 'bob');
    const { epoch } = hub.log.facts(room);
    for (const position of [
      { epoch: 'other', since: 0 },
      { epoch, since: 9 },
      { epoch, since: 2 },
    ]) {
      const { seqs, hidden } = await ask(hub, 'ann', position);
      expect({ seqs, hidden }).toEqual({ seqs: [], hidden: undefined });
    }
    hub.log.expire(room);
    const { body } = await ask(hub, 'ann', { epoch, since: 0 });
    expect(body).toMatchObject({ head: 2, oldest: 3, messages: [] });
  });

  it('uses the principal of connect when the app names nobody for the call', async () => {
    let connects = 0;
    const hub = await startHub({
      ...ownOnly,
      authorize: ({ action, token }) => {
        if (action !== 'connect') return {};
        connects += 1;
        return { principal: token };
      },
    });
    appendTo(hub.log, 'bob', 'ann', 'bob');
    const { epoch } = hub.log.facts(room);
    expect(await ask(hub, 'ann', { epoch, since: 0 })).toMatchObject({ seqs: [2] });
    // Once for the connection, and once for the call that has none.
    expect(connects).toBe(2);
  });

  it('is refused when the app refuses to say who it is', async () => {
    const { port, log } = await startHub({
      ...ownOnly,
      authorize: ({ action }) => (action === 'connect' ? 'unauthorized' : {}),
    });
    appendTo(log, 'bob');
    const { epoch } = log.facts(room);
    const answer = await recover(port, { channel: room, epoch, since: 0 });
    expect(answer.status).toBe(401);
  });

  it('shares one read of the log between readers who see different things', async () => {
    const inner = memoryLog();
    appendTo(inner, 'ann', 'bob');
    const held = heldReads(inner);
    const { url, hub } = await startHub({ ...ownOnly, log: held.log });
    const [ann, bob] = [await connectAs(url, 'ann'), await connectAs(url, 'bob')];
    const { epoch } = inner.facts(room);
    for (const client of [ann, bob]) {
      client.send({ type: 'recover', id: 1, items: [{ channel: room, epoch, since: 0 }] });
    }
    await expect.poll(() => hub.stats().framesIn).toBe(4);
    await expect.poll(() => held.reads).toBe(1);
    held.release();
    const seqs = async (client: typeof ann) =>
      (await client.next('recovered')).items[0].messages.map(({ seq }: { seq: number }) => seq);
    expect(await seqs(ann)).toEqual([1]);
    expect(await seqs(bob)).toEqual([2]);
    expect(held.reads).toBe(1);
  });
});

describe('another principal on the same connection', () => {
  it('is shown what it may see, and the facts tell it to ask for the rest', async () => {
    const { url, log } = await startHub(ownOnly);
    const client = await connectAs(url, 'ann');
    const { epoch } = await client.subscribe(room);
    appendTo(log, 'ann', 'bob');
    await client.messages(1);
    client.send({ type: 'auth', token: 'bob' });
    expect(await client.next('subscribed')).toEqual({
      type: 'subscribed',
      channel: room,
      epoch,
      head: 2,
      oldest: 1,
    });
    // Number 2 was hidden from ann. It is not from bob.
    client.send({ type: 'ping' });
    expect((await client.next('heads')).heads[room]).toEqual([epoch, 2, null, 2]);
    client.send({ type: 'recover', id: 1, items: [{ channel: room, epoch, since: 1 }] });
    const [page] = (await client.next('recovered')).items;
    expect(page.messages).toMatchObject([{ seq: 2, data: { to: 'bob' } }]);
    appendTo(log, 'ann', 'bob');
    expect(await client.next('message')).toMatchObject({ seq: 4, prev: 2, data: { to: 'bob' } });
  });

  it('hears nothing by the rights of the one before while the app is being asked', async () => {
    const asked = deferred();
    const answer = deferred();
    const { url, log } = await startHub({
      ...ownOnly,
      authorize: async ({ action, token = '' }) => {
        if (action === 'subscribe' && token === 'bob') {
          asked.resolve();
          await answer.promise;
        }
        return { principal: token };
      },
      heartbeatMs: 20,
    });
    const client = await connectAs(url, 'ann');
    const root = await connectAs(url, 'root');
    await client.subscribe(room);
    await root.subscribe(room);
    client.send({ type: 'auth', token: 'bob' });
    await asked.promise;
    appendTo(log, 'ann', 'bob');
    await client.next('heads');
    await client.next('heads');
    expect((await client.next('heads')).heads).toEqual({});
    answer.resolve();
    expect(await client.next('subscribed')).toMatchObject({ head: 2 });
    expect(client.texts.join()).not.toContain('"to":"ann"');
  });
});

describe('another principal of the requests alone, whom connect does not name', () => {
  it('is shown by its own filter what is live, and told of nothing hidden from the other', async () => {
    const { url, log } = await startHub({
      ...ownOnly,
      authorize: ({ action, token }) => (action === 'connect' ? {} : { principal: token }),
    });
    const client = await connectAs(url, 'ann');
    const { epoch } = await client.subscribe(room);
    appendTo(log, 'ann', 'bob');
    await client.messages(1);
    client.send({ type: 'auth', token: 'bob' }, { type: 'ping' });
    // Number 2 was hidden from ann. It is not from bob, who has to ask for it.
    expect((await client.next('heads')).heads[room]).toEqual([epoch, 2, null, 2]);
    appendTo(log, 'ann', 'bob', 'bob');
    expect(await client.messages(2)).toMatchObject([
      { seq: 4, prev: 2, data: { to: 'bob' } },
      { seq: 5, data: { to: 'bob' } },
    ]);
  });
});

describe('a filter that fails', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken rule');
      },
    ],
    ['answers a promise', () => Promise.resolve(true)],
    ['answers a promise that rejects', () => Promise.reject(new Error('broken rule'))],
    ['answers something truthy', () => 1],
    ['answers nothing', () => undefined],
  ])('for a message (it %s) hides that message alone, and says so', async (_what, verdict) => {
    const errors: string[] = [];
    const { url, port, log } = await startHub({
      filter:
        () =>
        ({ data }) =>
          data === 'bad' ? (verdict() as boolean) : true,
      onError: (_error, source) => errors.push(source),
    });
    const client = await connect(url);
    const { epoch } = await client.subscribe(room);
    for (const data of ['good', 'bad', 'good']) log.append(room, data);
    expect(await client.messages(2)).toMatchObject([{ seq: 1 }, { seq: 3, prev: 1 }]);
    const { body } = await recover(port, { channel: room, epoch, since: 0 });
    expect(body.messages).toMatchObject([{ seq: 1 }, { seq: 3 }]);
    expect(body.void).toEqual([[2, 2]]);
    expect(errors).toEqual(['filter', 'filter']);
    expect(client.texts.join() + JSON.stringify(body)).not.toContain('bad');
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('database'))],
    ['answers true', () => true],
    ['answers null', () => null],
  ])('for a reader (it %s) refuses that reader, for now', async (_what, rule) => {
    const errors: string[] = [];
    const { url, port, log } = await startHub({
      filter: rule as HubOptions['filter'] & object,
      onError: (_error, source) => errors.push(source),
    });
    const { epoch } = log.append(room, 'secret');
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    expect(await client.next('error')).toMatchObject({ id: 1, code: 'internal', retry: true });
    client.send({ type: 'recover', id: 2, items: [{ channel: room, epoch, since: 0 }] });
    expect((await client.next('recovered')).items).toMatchObject([{ status: 503 }]);
    expect((await recover(port, { channel: room, epoch, since: 0 })).status).toBe(503);
    log.append(room, 'secret');
    await client.untilPong();
    expect(client.texts.join()).not.toContain('secret');
    expect(errors).toEqual(['filter', 'filter', 'filter']);
  });
});

describe('what a view says to its reader', () => {
  /** A message goes by, or is lost on the way here, or the log begins anew. */
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ hidden: fc.boolean(), lost: fc.constant(false) }) },
    { weight: 3, arbitrary: fc.record({ hidden: fc.boolean(), lost: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.constant('reset' as const) },
  );

  it('is never that a number is hidden which is not', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const lies: string[] = [];
        let epoch = 0;
        let hidden: boolean[] = [];
        const view = new View(({ seq }) => !hidden[seq - 1]!);
        const says = (above: number, upTo: number, where: string) => {
          if (!hidden.slice(above, upTo).every(Boolean)) lies.push(`${where} ${above} to ${upTo}`);
        };
        for (const what of steps) {
          if (what === 'reset') {
            epoch += 1;
            hidden = [];
          } else {
            hidden.push(what.hidden);
            const seq = hidden.length;
            const message = { channel: room, epoch: `${epoch}`, seq, ts: 0, data: null };
            const prev = what.lost ? undefined : view.take(message);
            if (prev !== undefined) says(prev, seq - 1, 'message');
            if (!what.lost && (prev === undefined) !== what.hidden) lies.push(`shown ${seq}`);
          }
          // Heads may be read a little earlier than they are sent.
          for (const head of [hidden.length, Math.max(hidden.length - 2, 0)]) {
            const visible = view.visible({ epoch: `${epoch}`, head, oldest: 1 });
            says(visible, head, 'head');
            if (visible > head) lies.push(`visible ${visible} above ${head}`);
          }
        }
        expect(lies).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});
