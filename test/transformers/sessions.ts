import { expect } from 'vitest';
import type { Resume } from '../../client/resume.js';
import type { ClientOptions, ServerOptions, Spark } from '../../src/index.js';
import type { Laboratory } from '../faults/laboratory/laboratory.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, type Served, until } from '../support/serve.js';

/** Breaks a connection. */
type Break = () => void;

interface Session extends Served {
  client: ReturnType<Served['connect']>;
  spark: Spark;
  up: unknown[];
  down: unknown[];
  outcomes: Resume[];
  sparks: Spark[];
}

/** Adds the rules of sessions that every transformer keeps. */
export function sessions(
  transformer: string,
  start: (options?: ServerOptions) => Promise<Served>,
  rule: (title: string, test: () => Promise<void>) => void,
): void {
  async function begin(
    options: ServerOptions = {},
    more: ClientOptions = {},
    through?: (port: number) => Promise<number>,
  ): Promise<Session> {
    const served = await start({ resume: true, ...options });
    const sparks: Spark[] = [];
    const up: unknown[] = [];
    served.primus.on('connection', (spark) => {
      sparks.push(spark);
      spark.on('data', (data) => up.push(data));
    });
    const port = await through?.(served.port);
    const { primus, url } = served;
    const { transport } = primus.options;
    const client = new primus.Socket(port === undefined ? url : `http://127.0.0.1:${port}`, {
      reconnect: { min: 10, max: 50, retries: Infinity },
      transport,
      ...more,
    });
    cleanup(() => client.destroy());
    const outcomes: Resume[] = [];
    const down: unknown[] = [];
    client.resume$.subscribe((outcome) => outcomes.push(outcome));
    client.on('data', (data) => down.push(data));
    await event(client, 'open');
    await until(() => sparks.length === 1);
    return { ...served, client, spark: sparks[0] as Spark, up, down, outcomes, sparks };
  }

  /** Writes on both ends, and breaks the connection again and again meanwhile. */
  async function underTraffic(
    session: Session,
    breaks: readonly Break[],
    value: (index: number) => unknown = (index) => index,
  ): Promise<void> {
    const { client, spark, up, down, outcomes, sparks } = session;
    let count = 0;
    const write = (messages: number) => {
      for (const last = count + messages; count < last; count++) {
        expect(client.write(value(count))).toBe(true);
        expect(spark.write(value(count))).toBe(true);
      }
    };
    for (const breakLink of breaks) {
      write(20);
      // Some messages have left, some are under way, and some are written while there is no connection.
      await until(() => up.length > count - 20);
      write(20);
      breakLink();
      write(20);
      await until(() => up.length === count && down.length === count);
    }
    const expected = Array.from({ length: count }, (_, index) => value(index));
    expect(up).toEqual(expected);
    expect(down).toEqual(expected);
    expect(sparks).toEqual([spark]);
    expect(outcomes[0]).toEqual({ type: 'fresh' });
    expect(outcomes.slice(1).filter(({ type }) => type !== 'resumed')).toEqual([]);
    expect(client.readyState).toBe(3);
    expect(spark.readyState).toBe(3);
  }

  const repeat = <T>(...items: T[]): T[] => [...items, ...items, ...items];
  const byClient =
    ({ client }: Session) =>
    () =>
      client.connection.link?.destroy();
  const byServer =
    ({ spark }: Session) =>
    () =>
      spark.connection.link?.destroy();

  rule('resumes a session when either end loses the connection: each message arrives once and in order', async () => {
    const session = await begin();
    await underTraffic(session, repeat(byClient(session), byServer(session)));
    expect(session.outcomes.length).toBeGreaterThan(3);
  });

  rule('resumes a session with a binary parser, and with an asynchronous one behind slow message transformers', async () => {
    const binary = await begin({ parser: 'binary' });
    await underTraffic(binary, [byClient(binary), byServer(binary)], (index) => ({ index, text: 'é' }));
    const later = (run: () => void) => void setImmediate(run);
    const slow = await begin({
      parser: {
        encoder: (data, done) => later(() => done(null, JSON.stringify(data))),
        decoder: (frame, done) => later(() => done(null, JSON.parse(String(frame)))),
      },
    });
    slow.primus.transform('incoming', (_packet: unknown, next: () => void) => later(next));
    slow.client.transform('incoming', (_packet: unknown, next: () => void) => later(next));
    await underTraffic(slow, [byClient(slow), byServer(slow)]);
  });

  rule('counts broadcasts, and what plugins pass to _write', async () => {
    const session = await begin();
    const { primus, client, spark, down } = session;
    for (let round = 0; round < 4; round++) {
      primus.write(`broadcast ${round}`);
      spark._write(`spark ${round}`);
      client.connection.link?.destroy();
      primus.write(`late ${round}`);
      await until(() => down.length === 3 * (round + 1));
    }
    expect(down).toEqual([0, 1, 2, 3].flatMap((round) => [`broadcast ${round}`, `spark ${round}`, `late ${round}`]));
    expect(session.sparks).toEqual([spark]);
  });

  rule('has one gap on each end when the client ends, or the application ends the spark, while the connection is lost', async () => {
    const ends: ((session: Session) => unknown)[] = [
      ({ client }) => client.end(),
      ({ client }) => client.destroy(),
      ({ client, spark }) => client.open() && spark.end(),
      ({ client, primus }) => primus.destroy(() => client.end()),
    ];
    for (const end of ends) {
      const session = await begin({ resume: { window: 300 } }, { reconnect: { min: 60_000, max: 60_000 } });
      const { client, spark, outcomes } = session;
      const changes: unknown[] = [];
      spark.resume$.subscribe((change) => changes.push(change));
      const over = event(spark, 'end');
      spark.connection.link?.destroy();
      client.connection.link?.destroy();
      // Both are taken for sent, or wait until the end of the link is noticed.
      spark.write('down');
      client.connection.transmit('"up"', 'up');
      await until(() => client.state.name === 'waiting' && spark.away);
      end(session);
      await over;
      await until(() => outcomes.length === 2);
      expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
      expect(outcomes[1]).toMatchObject({ type: 'gap', reason: 'expired', unconfirmed: 1 });
      client.destroy();
    }
  });

  rule('sends again what was written, not what the application has made of its memory since', async () => {
    const passing: ServerOptions['parser'] = {
      encoder: (data, done) => done(null, data as Uint8Array),
      decoder: (frame, done) => done(null, typeof frame === 'string' ? frame : Buffer.from(frame).toString()),
    };
    const { client, spark, up, down, primus } = await begin({ parser: passing });
    const memory = Buffer.alloc(4);
    const write = (text: string, by: { write(data: never): unknown }) => by.write(memory.fill(text).subarray(0, 2) as never);
    spark.connection.link?.destroy();
    write('a', spark);
    write('b', primus);
    write('c', spark);
    client.connection.link?.destroy();
    await until(() => down.length === 3);
    expect(down).toEqual(['aa', 'bb', 'cc']);
    // A link that takes messages and loses them.
    const { link } = client.connection;
    if (link === undefined) throw new Error('The client has no link');
    link.send = () => {};
    write('d', client);
    write('e', client);
    memory.fill('x');
    link.destroy();
    await until(() => up.length === 2);
    expect(up).toEqual(['dd', 'ee']);
  });

  rule('sends a ring again that is much larger than maxBuffer, in order, and then what is written meanwhile', async () => {
    let first: Spark | undefined;
    // The client reconnects when the server knows that it is away: on some runtimes that takes a while.
    const credentials = async () => {
      if (first) await until(() => first?.away);
      return {};
    };
    const { client, spark, down, outcomes, sparks } = await begin({ resume: { ring: 10_000_000 }, maxBuffer: 20_000 }, { credentials });
    first = spark;
    const closed = event(client, 'close');
    client.connection.link?.destroy();
    await closed;
    await until(() => spark.away);
    let count = 0;
    const write = (messages: number) => {
      for (const last = count + messages; count < last; count++) spark.write(`${count}${'x'.repeat(4_000)}`);
    };
    // 100 times maxBuffer; and the limit of one turn of the event loop is 16 times.
    write(500);
    spark.resume$.subscribe(() => write(20));
    await until(() => down.length >= 520);
    expect(down.map((data) => Number.parseInt(String(data), 10))).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(sparks).toEqual([spark]);
    // Nothing waits any more.
    const later = event(client, 'data');
    await until(() => spark.connection.session?.isCatchingUp === false);
    spark.write('later');
    expect((await later)[0]).toBe('later');
  });

  rule('has no session, and the same order of messages, with a client that has not asked for one', async () => {
    const { primus, connect } = await start({ resume: true });
    const announced = event(primus, 'connection');
    const client = connect({ resume: false });
    const down: unknown[] = [];
    client.on('data', (data) => down.push(data));
    const [spark] = (await announced) as [Spark];
    for (let count = 0; count < 100; count++) spark.write(count);
    await until(() => down.length === 100);
    const gone = event(spark, 'end');
    client.connection.link?.destroy();
    await gone;
    expect(down).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  rule('opens at once with a server without sessions, and says so', async () => {
    const { primus, connect } = await start({ pingInterval: false });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect({ resume: true });
    const outcomes: Resume[] = [];
    client.resume$.subscribe((outcome) => outcomes.push(outcome));
    await event(client, 'open');
    const echo = event(client, 'data');
    client.write('hello');
    expect((await echo)[0]).toBe('hello');
    expect(outcomes).toMatchObject([{ type: 'gap', reason: 'unsupported', unconfirmed: 0 }]);
  });

  if (transformer !== 'memory')
    rule('resumes a session when the network ends the connection with FIN or RST', async () => {
      let lab: Laboratory | undefined;
      const session = await begin({}, {}, async (port) => {
        lab = await startLaboratory(port);
        return lab.port;
      });
      await underTraffic(
        session,
        repeat(
          () => lab?.break({ reset: true }),
          () => lab?.break(),
        ),
      );
    });
}
