import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { event, type Served, until } from '../support/serve.js';

type Start = (options?: ServerOptions) => Promise<Served>;
type Rule = (name: string, test: () => Promise<void>) => void;

/** The ways to consume the messages of a spark. */
const CONSUMERS: Record<string, (spark: Spark, take: (data: unknown) => void) => unknown> = {
  'a listener of `data`': (spark, take) => spark.on('data', take),
  'a subscriber of `data$`': (spark, take) => spark.data$.subscribe(take),
  'a `for await` loop': async (spark, take) => {
    for await (const data of spark) take(data);
  },
  'a pipe': (spark, take) => spark.pipe(new PassThrough({ objectMode: true })).on('data', take),
  'a duplex stream': (spark, take) => spark.duplex().on('data', take),
};

/** A promise, and the function that resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** The rules about messages that come before the application listens to them. */
export function early(start: Start, rule: Rule): void {
  /** A server whose `connection` listener gets to its consumers when `open` is called, and a client. */
  async function serveLate(listener: (spark: Spark, opened: Promise<void>) => unknown, { connection$ = false } = {}) {
    const served = await start({ pingInterval: false });
    const { primus } = served;
    const { opened, open } = gate();
    let frames = 0;
    primus.on('connection', (spark) => {
      spark.on('incoming::data', () => frames++);
    });
    if (connection$) primus.connection$.subscribe((spark) => void listener(spark, opened));
    else primus.on('connection', async (spark) => void (await listener(spark, opened)));
    const client = served.connect({ strategy: false });
    return { ...served, client, open, hasFrames: (count: number) => until(() => frames === count) };
  }

  for (const connection$ of [false, true]) {
    const of = connection$ ? 'a subscriber of `connection$`' : 'an asynchronous `connection` listener';
    for (const [name, consume] of Object.entries(CONSUMERS)) {
      rule(`keeps what comes while ${of} waits for ${name}`, async () => {
        const got: unknown[] = [];
        const listener = async (spark: Spark, opened: Promise<void>) => {
          await opened;
          consume(spark, (data) => got.push(data));
        };
        const { client, open, hasFrames } = await serveLate(listener, { connection$ });
        for (const number of [1, 2, 3]) client.write(number);
        await hasFrames(3);
        expect(got).toEqual([]);
        open();
        await until(() => got.length === 3);
        client.write(4);
        await until(() => got.length === 4);
        expect(got).toEqual([1, 2, 3, 4]);
      });
    }

    rule(`delivers what a client sends before it leaves while ${of} waits, and then its end`, async () => {
      const log: unknown[] = [];
      const listener = async (spark: Spark, opened: Promise<void>) => {
        spark.on('end', () => log.push('end'));
        await opened;
        log.push('listens');
        spark.on('data', (data) => log.push(data));
      };
      const { primus, client, open, hasFrames } = await serveLate(listener, { connection$ });
      client.write(1);
      await hasFrames(1);
      let isLost = false;
      primus.forEach((spark) => {
        spark.on('incoming::end', () => {
          isLost = true;
        });
      });
      client.end(2);
      await until(() => isLost);
      expect([log, primus.connected]).toEqual([[], 1]);
      open();
      await until(() => log.includes('end'));
      expect(log).toEqual(['listens', 1, 2, 'end']);
      expect(primus.connected).toBe(0);
    });
  }

  rule('keeps what comes between two consumers of an asynchronous `connection` listener', async () => {
    const got: unknown[] = [];
    const listener = async (spark: Spark, opened: Promise<void>) => {
      const [hello] = await once(spark, 'data');
      got.push(hello);
      await opened;
      for await (const data of spark) got.push(data);
    };
    const { client, open, hasFrames } = await serveLate(listener);
    for (const data of ['hello', 1, 2]) client.write(data);
    await hasFrames(3);
    expect(got).toEqual(['hello']);
    open();
    await until(() => got.length === 3);
    client.write(3);
    await until(() => got.length === 4);
    expect(got).toEqual(['hello', 1, 2, 3]);
  });

  rule('answers pings and questions for the id while messages wait for their listener', async () => {
    const got: unknown[] = [];
    const { primus, connect } = await start({ pingInterval: false });
    const { opened, open } = gate();
    primus.on('connection', async (spark) => {
      await opened;
      spark.on('data', (data) => got.push(data));
    });
    const client = connect({ strategy: false });
    client.write('early');
    await event(client, 'open');
    const id = await new Promise<string>((resolve) => client.id(resolve));
    const spark = primus.spark(id) as Spark;
    for (let count = 0; count < 3; count++) {
      const answered = event(spark, 'heartbeat');
      spark.connection.ping();
      await answered;
    }
    open();
    await until(() => got.length === 1);
    expect(client.readyState).toBe(3);
  });

  rule('gives the first message to a loop in a `connection` listener with a callback, and the others to the next consumer', async () => {
    const log: unknown[] = [];
    const { primus, connect } = await start({ pingInterval: false });
    primus.on('connection', async (spark, next) => {
      for await (const hello of spark) {
        log.push(`hello ${hello}`);
        break;
      }
      next();
    });
    primus.on('connection', (spark) => {
      spark.on('data', (data) => log.push(data));
    });
    const client = connect({ strategy: false });
    for (const data of ['ada', 1, 2]) client.write(data);
    await until(() => log.length === 3);
    client.write(3);
    await until(() => log.length === 4);
    expect(log).toEqual(['hello ada', 1, 2, 3]);
  });
}
