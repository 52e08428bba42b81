import { createRequire } from 'node:module';
import { Socket as Engine } from 'engine.io-client';
import { io } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { cleanup, event, LIMIT, serve, until } from '../support/serve.js';
import { contract } from './contract.js';
import { missing } from './missing.js';

missing('socket.io', 'socket.io', 'socket.io-client');

contract({ transformer: 'socket.io' });
contract({ transformer: 'socket.io', by: 'polling only', options: () => ({ transport: { transports: ['polling'] } }) });
contract({ transformer: 'socket.io', by: 'websocket only', options: () => ({ transport: { transports: ['websocket'] } }) });

/** A server, and an unmodified client of socket.io that has just connected to it. */
async function foreign(options: ServerOptions = {}, transports = ['polling', 'websocket'], auth = {}) {
  const served = await serve({ transformer: 'socket.io', ...options });
  const announced = event(served.primus, 'connection');
  const socket = io(served.url, { path: '/primus', transports, auth, forceNew: true, reconnectionDelay: 10 });
  cleanup(() => socket.disconnect());
  const [spark] = (await announced) as [Spark];
  await until(() => socket.connected);
  return { ...served, socket, spark };
}

describe.each([['polling'], ['websocket'], ['polling', 'websocket']])('an unmodified socket.io client by %s %s', (...transports) => {
  it('exchanges messages by the event message', async () => {
    const { socket, spark, primus } = await foreign({}, transports.filter(Boolean));
    expect(spark.id).toBe(socket.id);
    spark.on('data', (data) => spark.write({ echo: data }));
    const received: unknown[] = [];
    socket.on('message', (data) => received.push(data));
    socket.emit('message', JSON.stringify('text'));
    socket.emit('message', { plain: 'object' });
    socket.emit('message', 7, 'and what is not looked at');
    socket.emit('another event', 'ignored');
    await until(() => received.length === 3);
    expect(received).toEqual(['{"echo":"text"}', '{"echo":{"plain":"object"}}', '{"echo":7}']);
    const gone = event(primus, 'disconnection');
    socket.disconnect();
    expect((await gone)[0]).toBe(spark);
  });

  it('gets an acknowledgement when it asks for one', async () => {
    const { socket, spark } = await foreign({}, transports.filter(Boolean));
    const received = event(spark, 'data');
    await socket.timeout(LIMIT).emitWithAck('message', '"acknowledged"');
    expect((await received)[0]).toBe('acknowledged');
  });

  it('reconnects after its connection was terminated', async () => {
    const { socket, spark, primus } = await foreign({}, transports.filter(Boolean));
    const again = event(primus, 'connection');
    spark.connection.link?.destroy();
    const [next] = (await again) as [Spark];
    await until(() => socket.connected);
    expect([spark.readyState, next.readyState]).toEqual([2, 3]);
  });
});

describe('the server of socket.io', () => {
  it('accepts binary frames as bytes', async () => {
    const parser = {
      encoder: (data: unknown, done: (error: Error | null, frame?: Uint8Array) => void) => done(null, data as Uint8Array),
      decoder: (frame: unknown, done: (error: Error | null, data?: unknown) => void) => done(null, frame),
    };
    const { socket, spark } = await foreign({ parser, pingInterval: false } as ServerOptions);
    spark.on('data', (data) => spark.write(data));
    const back = event(socket, 'message');
    socket.emit('message', Uint8Array.from([0, 1, 255]));
    expect([...((await back)[0] as Uint8Array)]).toEqual([0, 1, 255]);
  });

  it('measures the frame, not the packet around it', async () => {
    const { socket, spark } = await foreign({ maxLength: 100 });
    const received = event(spark, 'data');
    socket.emit('message', JSON.stringify('"'.repeat(49)));
    expect((await received)[0]).toHaveLength(49);
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    socket.emit('message', JSON.stringify('x'.repeat(99)));
    await event(spark, 'end');
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', closeCode: 1009 }]);
  });

  it('encodes a broadcast once for all its clients, and other messages for each', async () => {
    const load = createRequire(createRequire(import.meta.url).resolve('socket.io'));
    const { Encoder, Decoder } = load('socket.io-parser');
    const encoded: string[] = [];
    class Counting extends Encoder {
      encode(packet: { data?: unknown[] }) {
        if (packet.data?.[0] === 'message') encoded.push(String(packet.data[1]));
        return super.encode(packet);
      }
    }
    const { primus, connect } = await serve({
      transformer: 'socket.io',
      transport: { parser: { Encoder: Counting, Decoder } },
    } as ServerOptions);
    const received: unknown[] = [];
    for (let count = 0; count < 3; count++) {
      const client = connect();
      client.on('data', (data) => received.push(data));
      await event(client, 'open');
    }
    await until(() => primus.connected === 3);
    primus.write('to all');
    primus.write('again');
    primus.forEach((spark) => {
      spark.write('to each');
    });
    primus.write('again');
    await until(() => received.length === 12);
    expect(received.filter((data) => data === 'again')).toHaveLength(6);
    expect(encoded.slice(0, 2)).toEqual(['"to all"', '"again"']);
    expect(encoded.filter((frame) => frame === '"again"')).toHaveLength(2);
  });

  it('serves no other namespace', async () => {
    const { url, primus } = await foreign();
    const socket = io(`${url}/elsewhere`, { path: '/primus', forceNew: true });
    cleanup(() => socket.disconnect());
    expect(((await event(socket, 'connect_error'))[0] as Error).message).toBe('Invalid namespace');
    expect(primus.connected).toBe(1);
  });

  it.each(['0{', '2', '5', '99', '2["message"', '51-["message",{"_placeholder":true,"num":9}]', '2[{"__proto__":1}]', '4{}', '1/x'])(
    'survives the packet %j',
    async (packet) => {
      const { socket, primus, connect } = await foreign();
      (socket.io.engine as { send(data: string): void }).send(packet);
      const client = connect();
      await event(client, 'open');
      expect(primus.connected).toBeGreaterThanOrEqual(1);
    },
  );

  it('terminates a client that does not join the namespace', async () => {
    const { url, primus } = await serve({ transformer: 'socket.io', transport: { connectTimeout: 50 } });
    const socket = new Engine(url, { path: '/primus' });
    await event(socket, 'close');
    expect(primus.connected).toBe(0);
  });

  it('serves no client of the framework', async () => {
    const { url } = await foreign();
    expect((await fetch(`${url}/primus/socket.io.js`)).status).toBe(400);
  });
});

describe('the client of socket.io', () => {
  it('uses no WebSocket with websockets: false', async () => {
    const { primus, connect } = await serve({ transformer: 'socket.io' });
    const announced = event(primus, 'connection');
    const client = connect({ websockets: false });
    await announced;
    await event(client, 'open');
    // By the time that another one has upgraded, this one would have.
    const upgrading = connect();
    await until(() => (upgrading.socket as ReturnType<typeof io> | undefined)?.io.engine?.transport.name === 'websocket');
    expect((client.socket as ReturnType<typeof io>).io.engine.transport.name).toBe('polling');
  });

  it('sends its option auth', async () => {
    const { primus, connect } = await serve({ transformer: 'socket.io' });
    const announced = event(primus, 'connection');
    connect({ transport: { auth: { token: 'secret' } } });
    const [spark] = (await announced) as [Spark];
    expect((spark.socket as { handshake: { auth: unknown } }).handshake.auth).toEqual({ token: 'secret' });
  });
});
