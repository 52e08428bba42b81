import { Stream } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { Primus, type Spark } from '../../src/index.js';
import { event, serve, until } from '../support/serve.js';

// The server as the documents show it.

/** A server with one client, its spark, and the messages that the client receives. */
async function pair(options: Parameters<typeof serve>[0] = {}, query = '') {
  const served = await serve(options);
  const announced = event(served.primus, 'connection');
  const client = served.connect({}, query);
  const got: unknown[] = [];
  client.on('data', (data) => got.push(data));
  const [spark] = (await announced) as [Spark];
  if (client.readyState !== 3) await event(client, 'open');
  return { ...served, client, spark, got };
}

describe('options', () => {
  it.each([true, false])('compression: %s decides on permessage-deflate', async (compression) => {
    const { client, spark } = await pair({ compression });
    const extensions = compression ? expect.stringContaining('permessage-deflate') : '';
    expect((client.socket as WebSocket).extensions).toEqual(extensions);
    expect((spark.socket as WebSocket).extensions).toEqual(extensions);
  });

  it('compression: polling answers are compressed', async () => {
    for (const compression of [true, false]) {
      const { url, primus } = await serve({ transformer: 'engine.io', compression });
      primus.on('connection', (spark) => spark.write('x'.repeat(5_000)));
      const open = await (await fetch(`${url}/primus/?EIO=4&transport=polling`)).text();
      const { sid } = JSON.parse(open.slice(1)) as { sid: string };
      const poll = await fetch(`${url}/primus/?EIO=4&transport=polling&sid=${sid}`, { headers: { 'Accept-Encoding': 'gzip' } });
      expect(await poll.text()).toContain('xxx');
      expect(poll.headers.get('content-encoding')).toBe(compression ? 'gzip' : null);
    }
  });

  it('transport: its options are passed to the framework, except those that Primus sets', async () => {
    const asked: string[] = [];
    const verifyClient = ({ req }: { req: { url: string } }) => asked.push(req.url) > 0;
    const { spark } = await pair({ maxLength: 500, transport: { verifyClient, maxPayload: 1 } });
    expect(asked).toEqual([expect.stringContaining('/primus?')]);
    spark.on('data', (data) => spark.write(data));
    expect(spark.readyState).toBe(3);
  });
});

describe('a spark', () => {
  it('is a Node.js stream with the documented properties', async () => {
    const { spark, primus } = await pair({}, '/?foo=bar');
    expect(spark).toBeInstanceOf(Stream);
    expect(spark).toBeInstanceOf(Primus.Spark);
    expect(spark.query.foo).toBe('bar');
    expect(spark.address).toMatchObject({ ip: expect.stringContaining('127.0.0.1'), port: expect.any(Number) });
    expect(spark.headers).toBe(spark.request.headers);
    expect(spark.socket).toMatchObject({ readyState: 1 });
    expect(primus.spark(spark.id)).toBe(spark);
  });

  it('write returns true when the message was accepted, false when it cannot be sent or the connection is closed', async () => {
    const { spark, got } = await pair();
    expect(spark.write({ foo: 'bar' })).toBe(true);
    expect(spark.write('banana')).toBe(true);
    expect(spark.write(() => {})).toBe(false);
    await until(() => got.length === 2);
    expect(got).toEqual([{ foo: 'bar' }, 'banana']);
    spark.end();
    await until(() => spark.readyState === 2);
    expect(spark.write('late')).toBe(false);
  });

  it('needs no listener for its errors', async () => {
    const { spark, client } = await pair();
    spark.write(() => {});
    expect(client.readyState).toBe(3);
  });
});

describe('emits', () => {
  it('returns a function that emits, through a parser if given, on server, spark and client', async () => {
    const { primus, spark, client } = await pair();
    for (const emitter of [primus, spark, client] as unknown as Spark[]) {
      const emitted: unknown[][] = [];
      emitter.on('event' as 'data', (...values: unknown[]) => void emitted.push(values));
      const bare = emitter.emits('event');
      const parsed = emitter.emits('event', (next, structure) => next(undefined, (structure as { data: unknown }).data));
      const silent = emitter.emits('event', () => {});
      bare('a', 'b');
      parsed({ data: 'c' });
      silent('d');
      expect(emitted).toEqual([['a', 'b'], ['c']]);
    }
  });

  it('passes all arguments to the parser of emits, which may remove them, change their number, answer later, or fail', async () => {
    const { primus, spark, client } = await pair();
    for (const emitter of [primus, spark, client] as unknown as Spark[]) {
      const emitted: unknown[][] = [];
      const passed: unknown[][] = [];
      emitter.on('event' as 'data', (...values: unknown[]) => void emitted.push(values));
      emitter.on('error', (error) => void emitted.push([error.message]));
      emitter.emits('event', (next, ...values) => {
        passed.push(values);
        next(null, null);
      })('a', 'b');
      const later = event(emitter, 'event');
      emitter.emits('event', (next, value) => setImmediate(() => next(undefined, value)))('c', 'd');
      expect(await later).toEqual(['c']);
      emitter.emits('event', (next) => next(new Error('not this')))('e');
      await until(() => emitted.length === 3);
      expect(passed).toEqual([['a', 'b']]);
      expect(emitted.map((values) => values.filter((value) => value !== undefined))).toEqual([[], ['c'], ['not this']]);
    }
  });

  it('emits the bound argument before those of the call, on server, spark and client', async () => {
    const { primus, spark, client } = await pair();
    for (const emitter of [primus, spark, client] as unknown as Spark[]) {
      const emitted: unknown[][] = [];
      emitter.on('event' as 'data', (...values: unknown[]) => void emitted.push(values));
      const emits = emitter.emits as (event: string, ...values: unknown[]) => (...values: unknown[]) => unknown;
      emits.call(emitter, 'event', 'a')('b');
      emits.call(emitter, 'event', 'a', (next: (error: undefined, value: unknown) => void) => next(undefined, 'c'))('b');
      expect(emitted).toEqual([
        ['a', 'b'],
        ['a', 'c'],
      ]);
    }
  });
});

describe('broadcasting', () => {
  it('writes to the sparks that match a query, or to one by its id', async () => {
    const { primus, connect } = await serve();
    const got: { [who: string]: unknown[] } = { bar: [], qux: [] };
    for (const foo of ['bar', 'qux']) {
      const client = connect({}, `/?foo=${foo}`);
      client.on('data', (data) => got[foo]?.push(data));
      await event(client, 'open');
    }
    primus.forEach((spark, id, connections) => {
      expect(connections[id]).toBe(spark);
      if (spark.query.foo !== 'bar') return;
      spark.write('message');
    });
    const [, second] = Object.keys(primus.connections) as [string, string];
    primus.spark(second)?.write('by id');
    primus.write('to all');
    await until(() => got.bar?.length === 2 && got.qux?.length === 2);
    expect(got).toEqual({ bar: ['message', 'to all'], qux: ['by id', 'to all'] });
    expect(primus.spark('unknown')).toBeUndefined();
  });
});

describe('intercepting the connection events', () => {
  it('calls listeners in order, and waits for asynchronous ones', async () => {
    const { primus, connect } = await serve();
    const calls: unknown[] = [];
    primus.on('connection', (spark) => calls.push(['first', (spark as { newproperty?: string }).newproperty]));
    primus.on('connection', (spark, next) => {
      setTimeout(() => {
        (spark as { newproperty?: unknown }).newproperty = spark.query.name;
        calls.push(['second']);
        next();
      }, 20);
    });
    primus.on('connection', (spark) => calls.push(['third', (spark as { newproperty?: string }).newproperty]));
    connect({}, '/?name=foo');
    await until(() => calls.length === 3);
    expect(calls).toEqual([['first', undefined], ['second'], ['third', 'foo']]);
  });

  it('ends the connection for good, with an error event on the spark, when a listener passes an error', async () => {
    const { primus, connect } = await serve();
    const errors: unknown[] = [];
    const third: unknown[] = [];
    primus.on('connection', (spark, next) => {
      spark.on('error', (error) => errors.push(error));
      setImmediate(next, new Error('not you'));
    });
    primus.on('connection', (spark) => third.push(spark));
    const client = connect();
    await event(client, 'end');
    expect(errors).toMatchObject([{ message: 'not you' }]);
    expect(third).toEqual([]);
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
  });
});

describe('plugins', () => {
  it('extend the sparks of their server', async () => {
    interface Joining {
      join(room: string): string;
    }
    const { spark } = await pair({
      plugin: {
        rooms: {
          server(primus: Primus) {
            (primus.Spark.prototype as Joining).join = function (this: Spark, room) {
              return `${this.id} is in ${room}`;
            };
          },
        },
      } as never,
    });
    expect((spark as unknown as Joining).join('lobby')).toBe(`${spark.id} is in lobby`);
    expect(Primus.Spark.prototype).not.toHaveProperty('join');
  });

  it('transform messages in both directions, on both ends', async () => {
    const { primus, connect } = await serve({
      plugin: {
        name: {
          server(primus: Primus) {
            primus.transform('outgoing', (packet) => {
              packet.data = `${packet.data} sout`;
            });
            primus.transform('incoming', (packet) => {
              packet.data = `${packet.data} sin`;
            });
          },
          client(primus: { transform(direction: string, fn: (packet: { data: unknown }) => void): void }) {
            primus.transform('outgoing', (packet) => {
              packet.data = `${packet.data} cout`;
            });
            primus.transform('incoming', (packet) => {
              packet.data = `${packet.data} cin`;
            });
          },
        },
      } as never,
    });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect();
    client.write('foo');
    expect((await event(client, 'data'))[0]).toBe('foo cout sin sout cin');
  });
});

describe('transforming and intercepting messages', () => {
  it.each(['incoming', 'outgoing'] as const)(
    'handles, ignores, rejects and changes %s messages, synchronously or not, on both ends',
    async (direction) => {
      const { primus, spark, client, got } = await pair();
      const errors: unknown[] = [];
      const reached: unknown[] = [];
      spark.on('error', ({ message }) => errors.push(`server: ${message}`));
      client.on('error', ({ message }) => errors.push(`client: ${message}`));
      for (const [owner, side] of [
        [primus, 'server'],
        [client, 'client'],
      ] as const) {
        owner.transform(direction, (packet) => (packet.data === `${side} handles` ? false : undefined));
        owner.transform(direction, (packet, next) => {
          setImmediate(() => {
            if (packet.data === `${side} ignores`) return next(undefined, false);
            if (packet.data === `${side} refuses`) return next(new Error('refused'));
            packet.data = `${side} saw ${packet.data}`;
            next();
          });
        });
        owner.transform(direction, (packet) => void reached.push(packet.data));
      }
      const heard: unknown[] = [];
      spark.on('data', (data) => heard.push(data));
      // The end whose transformers a message passes.
      const [fromClient, fromServer] = direction === 'incoming' ? ['server', 'client'] : ['client', 'server'];
      for (const what of ['handles', 'ignores', 'refuses', 'changes']) {
        client.write(`${fromClient} ${what}`);
        spark.write(`${fromServer} ${what}`);
      }
      await until(() => heard.length > 0 && got.length > 0);
      expect(heard).toEqual([`${fromClient} saw ${fromClient} changes`]);
      expect(got).toEqual([`${fromServer} saw ${fromServer} changes`]);
      expect(errors.sort()).toEqual(['client: refused', 'server: refused']);
      expect(reached.sort()).toEqual(['client saw client changes', 'server saw server changes']);
    },
  );
});

describe('the unexpected-response event of a client whose authorization is rejected', () => {
  it.each(['the status alone', 'the body as well'])('has %s', async (how) => {
    const { connect } = await serve({ authorization: (_request, done) => done({ message: 'who are you?', authenticate: 'Basic' }) });
    const client = connect();
    const seen: unknown[] = [];
    client.on('outgoing::open', () => {
      const socket = client.socket as WebSocket;
      socket.on('unexpected-response', (request, response) => {
        seen.push(response.statusCode, response.headers['www-authenticate']);
        if (how === 'the status alone') {
          request.destroy();
          socket.emit('error', `authorization failed: ${response.statusCode}` as never);
          return;
        }
        let data = '';
        response.on('data', (chunk) => {
          data += chunk;
        });
        response.on('end', () => socket.emit('error', new Error(JSON.parse(data).error)));
      });
    });
    const ended = event(client, 'end');
    const [error] = (await event(client, 'error')) as [Error];
    expect(seen).toEqual([401, 'Basic']);
    const message = how === 'the status alone' ? 'authorization failed: 401' : 'who are you?';
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 401, message });
    await ended;
  });
});
