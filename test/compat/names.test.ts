import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { Stream } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Primus as ImportedClient } from '../../src/client-node.js';
import Default, { Primus } from '../../src/index.js';
import { type Any, Original } from '../interop/original.js';
import { cleanup, event, serve } from '../support/serve.js';

async function all() {
  const served = await serve();
  const connection = event(served.primus, 'connection');
  const client = served.connect() as Any;
  const [spark] = (await connection) as [Any];
  return { ...served, primus: served.primus as Any, client, spark, Socket: served.primus.Socket as Any };
}

const words = (text: string) => text.split(' ');

describe('without `new`', () => {
  it('creates a server that is an instance of its class', () => {
    const primus = (Primus as Any)(createServer(), { pathname: '/x' });
    cleanup(() => primus.destroy());
    expect(primus).toBeInstanceOf(Primus);
    expect(primus.constructor).toBe(Primus);
    expect(primus.pathname).toBe('/x');
    expect(Default).toBe(Primus);
  });

  it('creates a client, a spark, and instances of derived classes', async () => {
    const { primus, Socket, url } = await all();
    const client = Socket(url, { manual: true });
    expect(client).toBeInstanceOf(Socket);
    expect((ImportedClient as Any)(url, { manual: true })).toBeInstanceOf(ImportedClient);
    expect(primus.Spark()).toBeInstanceOf(primus.Spark);
    class Mine extends (Primus as typeof Primus) {}
    const mine = new Mine(createServer());
    cleanup(() => mine.destroy());
    expect(mine).toBeInstanceOf(Mine);
  });
});

describe('reserved.events', () => {
  const lists = {
    server: words('disconnection initialised connection plugout plugin close log'),
    spark: words('readyStateChange heartbeat error data end'),
    client: [
      ...words('readyStateChange reconnected reconnect offline timeout destroy online error close open data end'),
      'reconnect scheduled',
      'reconnect timeout',
      'reconnect failed',
    ],
  };

  it('has exactly the documented events, as in the original', async () => {
    const { primus, spark, client } = await all();
    const http = createServer();
    const original = new Original(http, { transformer: 'websockets' });
    cleanup(() => original.destroy({ close: false }));
    const originalClient = new original.Socket('http://localhost:1', { manual: true });
    const sorted = (object: Any) => Object.keys(object.reserved.events).sort();
    expect({ server: sorted(primus), spark: sorted(spark), client: sorted(client) }).toEqual({
      server: lists.server.sort(),
      spark: lists.spark.sort(),
      client: lists.client.sort(),
    });
    expect([sorted(primus), sorted(spark), sorted(client)]).toEqual([
      sorted(original),
      sorted(original.Spark.prototype),
      sorted(originalClient),
    ]);
  });

  it('has every event that this package emits', async () => {
    const { primus, spark, client, url, Socket } = await all();
    const emitted: string[] = [];
    for (const emitter of [primus, spark, client]) {
      const { emit } = emitter;
      emitter.emit = (event: string, ...args: unknown[]) => {
        if (!emitter.reserved(event) && event !== 'newListener') emitted.push(event);
        return emit.call(emitter, event, ...args);
      };
    }
    client.write('x');
    await event(spark, 'data');
    spark.write('y');
    await event(client, 'data');
    primus.plugin('p', { server() {} }).plugout('p');
    const other = new Socket(url);
    await event(other, 'open');
    other.end();
    spark.end();
    await event(client, 'end');
    client.destroy();
    expect(emitted).toEqual([]);
  });

  it('may be extended', async () => {
    const { spark } = await all();
    expect(spark.reserved('mine')).toBe(false);
    spark.reserved.events.mine = 1;
    cleanup(() => delete spark.reserved.events.mine);
    expect(spark.reserved('mine')).toBe(true);
    expect(spark.reserved('incoming::anything')).toBe(true);
  });
});

describe('names that plugins claim', () => {
  const free = {
    server: words(
      'id $ adapter _adapter _rooms rooms room in except clients empty isRoomEmpty join leave send channel resource resources forward metroplex validate',
    ),
    spark: words(
      'buffer streams mirage emitter send _rooms rooms room in except clients isRoomEmpty join leave leaveAll transform substream channels writeAndWait responseCallbacks latency clock_offset getSession session',
    ),
    client: words('mirage emitter send channel resource resources streams substream writeAndWait __initialise'),
    Client: words('$ _substream readable'),
  };

  it('are not taken', async () => {
    const { primus, spark, client, Socket } = await all();
    const taken = (object: Any, names: string[]) => names.filter((name) => object[name] !== undefined);
    expect({
      server: taken(primus, free.server),
      spark: taken(spark, free.spark),
      client: taken(client, free.client),
      Client: taken(Socket, free.Client),
    }).toEqual({
      server: [],
      spark: [],
      client: [],
      Client: [],
    });
  });
});

describe('names that plugins use', () => {
  const used = {
    server: words(
      'server options pathname spec version connected connections ark layers transformer parser encoder decoder transformers plugin plugout use remove enable disable indexOfLayer write forEach emits asyncemit transform transforms destroy end Spark reserved spark library save',
    ),
    spark: words(
      'id headers address remote query request socket primus readyState _write write end emits reserved transforms initialise __initialise readable writable',
    ),
    client: words(
      'write _write buffer options url transport readyState online timers recovery encoder decoder transform transforms id emits reserved plugin querystring querystringify parse uri merge clone AVOID_WEBSOCKETS NETWORK_EVENTS initialise open end destroy',
    ),
    Client: words('connect OPENING CLOSED OPEN EventEmitter Stream requires'),
  };

  it('exist', async () => {
    const { primus, spark, client, Socket } = await all();
    const missing = (object: Any, names: string[]) => names.filter((name) => object[name] === undefined);
    expect({
      server: missing(primus, used.server),
      spark: missing(spark, used.spark),
      client: missing(client, used.client),
      Client: missing(Socket, used.Client),
    }).toEqual({
      server: [],
      spark: [],
      client: [],
      Client: [],
    });
  });

  it('have the right values on the client class', async () => {
    const { Socket, client } = await all();
    expect([Socket.OPENING, Socket.CLOSED, Socket.OPEN]).toEqual([1, 2, 3]);
    expect([Socket.EventEmitter, Socket.Stream]).toEqual([EventEmitter, Stream]);
    expect(Socket.requires('node:stream')).toBe(Stream);
    expect(client).toBeInstanceOf(Stream);
    const connected = Socket.connect('http://localhost:1', { manual: true });
    expect(connected).toBeInstanceOf(Socket);
  });
});
