import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { deflate } from '../../transformers/shared/server/deflate.js';
import { watchForCrashes } from '../server/crashes.js';
import { CONTINUATION, closing, frame, handshake, PING, type Raw, raw, TEXT } from '../server/raw.js';
import { cleanup, event, serve, until } from '../support/serve.js';

const RSV1 = 4;
const PONG = 10;

const deflated = (data: string): Buffer => deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

async function open(port: number, path: string): Promise<Raw> {
  const peer = (await raw(port)).send(handshake(path, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
  expect(await peer.answer()).toContain('permessage-deflate');
  return peer;
}

/** The most memory that this process has held beyond that of now, in bytes. */
function watchMemory() {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 2);
  cleanup(() => clearInterval(timer));
  return () => most - before;
}

/** Inflated at once, each of these loads takes a gigabyte. */
const LIMIT = 250_000_000;

describe.each([
  ['faye', '/primus', (value: string) => value],
  ['sockjs', '/primus/1/a/websocket', (value: string) => JSON.stringify([value])],
  ['sockjs', '/primus/websocket', (value: string) => value],
] as const)('compressed messages to %s at %s', (transformer, path, encode) => {
  watchForCrashes();

  async function scene() {
    const { primus, port, connect } = await serve({ transformer, compression: true, pingInterval: false });
    const errors: { closeCode?: number }[] = [];
    let received = 0;
    primus.on('connection', (spark: Spark) => {
      spark.on('error', (error) => errors.push(error as { closeCode?: number }));
      spark.on('data', () => received++);
    });
    const friend = connect();
    await event(friend, 'open');
    return { primus, port, errors, friend, received: () => received };
  }

  it.each([
    ['in one frame each', (data: Buffer) => frame(TEXT, data, { reserved: RSV1 })],
    [
      'in fragments',
      (data: Buffer) =>
        Buffer.concat([
          frame(TEXT, data.subarray(0, 100), { reserved: RSV1, fin: false }),
          frame(CONTINUATION, data.subarray(100, 200), { fin: false }),
          frame(PING, 'x'),
          frame(CONTINUATION, data.subarray(200)),
        ]),
    ],
  ])('that exceed the limit 1,000 times are 1009: many at once, %s', async (_, framed) => {
    const { primus, port, errors } = await scene();
    const bomb = framed(deflated(encode(JSON.stringify('x'.repeat(30_000_000)))));
    const peers = await Promise.all(Array.from({ length: 30 }, () => open(port, path)));
    await until(() => primus.connected === 31);
    const most = watchMemory();
    for (const peer of peers) peer.send(bomb, bomb, bomb);
    // At sockjs, the frame `o` comes before.
    expect(await Promise.all(peers.map((peer) => peer.closeCode()))).toEqual(peers.map(() => 1009));
    await until(() => primus.connected === 1);
    expect(errors.map(({ closeCode }) => closeCode)).toEqual(peers.map(() => 1009));
    expect(most()).toBeLessThan(LIMIT);
  });

  it('within the limit are inflated one after the other, and all delivered', async () => {
    const { port, received, errors } = await scene();
    const message = frame(TEXT, deflated(encode(JSON.stringify('x'.repeat(9_000_000)))), { reserved: RSV1 });
    const peer = await open(port, path);
    const most = watchMemory();
    peer.send(...Array.from({ length: 40 }, () => message));
    await until(() => received() === 40);
    expect(errors).toEqual([]);
    expect(most()).toBeLessThan(LIMIT);
  });

  it('wait while the connection is paused, and come before the close behind them', async () => {
    const { primus, port, received } = await scene();
    const announced = event(primus, 'connection');
    const peer = await open(port, path);
    const [spark] = (await announced) as [Spark];
    spark.on('data', () => spark.connection.pause(true));
    const message = frame(TEXT, deflated(encode('"x"')), { reserved: RSV1 });
    peer.send(...Array.from({ length: 10 }, () => message), frame(8, closing(1000)));
    await until(() => received() === 1);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(received()).toBe(1);
    spark.removeAllListeners('data');
    let rest = 0;
    spark.on('data', () => rest++);
    spark.connection.pause(false);
    await event(spark, 'end');
    expect(rest).toBe(9);
  });

  it('of a connection that is lost are dropped, and others are served', async () => {
    const { primus, port, friend, received } = await scene();
    const message = frame(TEXT, deflated(encode(JSON.stringify('x'.repeat(9_000_000)))), { reserved: RSV1 });
    const peers = await Promise.all(Array.from({ length: 10 }, () => open(port, path)));
    for (const peer of peers) peer.send(message, message, message).socket.destroy();
    friend.write('y'.repeat(5_000));
    await until(() => received() > 0 && primus.connected === 1);
    expect(primus.connected).toBe(1);
  });
});

describe('a session of permessage-deflate', () => {
  const session = () => {
    const created = deflate(1_000_000).createServerSession([{}]);
    if (created === null) throw new Error('No session');
    return created;
  };

  it('counts the bytes that wait to be compressed, and keeps short messages behind long ones', async () => {
    const order: number[] = [];
    const deflating = session();
    for (const [index, length] of [500_000, 10, 2_000].entries()) {
      deflating.processOutgoingMessage({ rsv1: false, data: Buffer.alloc(length) }, () => {
        order.push(index);
      });
    }
    expect(deflating.compressing).toBe(502_010);
    await until(() => order.length === 3);
    expect(order).toEqual([0, 1, 2]);
    expect(deflating.compressing).toBe(0);
  });

  it('reports an error for what cannot be inflated, and drops what waits behind it', async () => {
    const inflating = session();
    const errors: unknown[] = [];
    let backlog: boolean | undefined;
    inflating.onBacklog = (isWaiting) => (backlog = isWaiting);
    const done = (error: unknown) => void errors.push(error);
    for (let count = 0; count < 3; count++) inflating.processIncomingMessage({ rsv1: true, data: Buffer.alloc(20, 0xff) }, done);
    expect(backlog).toBe(true);
    await until(() => errors.length > 0);
    expect(errors).toMatchObject([{ type: 'encoding_error' }]);
    expect([inflating.isInflating, backlog]).toEqual([false, false]);
  });
});

describe.each([
  ['faye', '/primus'],
  ['sockjs', '/primus/1/a/websocket'],
] as const)('%s at %s', (transformer, path) => {
  watchForCrashes();

  it('buffers little for 50 connections with unfinished messages of tiny fragments', async () => {
    const { primus, port } = await serve({ transformer, pingInterval: false });
    primus.on('connection', (spark: Spark) => spark.on('error', () => {}));
    const peers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const peer = (await raw(port)).send(handshake(path));
        await peer.answer();
        return peer;
      }),
    );
    await until(() => primus.connected === 50);
    const most = watchMemory();
    // A part of each chunk is kept: without its chunk, of 60 kB.
    const pongs = Buffer.concat(Array.from({ length: 450 }, () => frame(PONG, 'x'.repeat(125))));
    const chunk = Buffer.concat([frame(CONTINUATION, 'x', { fin: false }), frame(CONTINUATION, '', { fin: false }), pongs]);
    for (const peer of peers) peer.send(frame(TEXT, 'x', { fin: false }));
    for (let round = 0; round < 30; round++) {
      for (const { socket } of peers) if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    const parts = Buffer.concat(Array.from({ length: 4_200 }, () => frame(CONTINUATION, '', { fin: false })));
    for (const peer of peers) peer.send(parts);
    expect(await Promise.all(peers.map((peer) => peer.closeCode()))).toEqual(peers.map(() => 1008));
    await until(() => primus.connected === 0);
    // The chunks have 90 MB together; the fragments have 2 kB.
    expect(most()).toBeLessThan(150_000_000);
  });

  it('stops reading from a peer that sends pings and reads no pongs', async () => {
    const { primus, port } = await serve({ transformer, pingInterval: false });
    const peers = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const peer = (await raw(port)).send(handshake(path));
        await peer.answer();
        peer.socket.pause();
        return peer;
      }),
    );
    await until(() => primus.connected === 5);
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(PING, 'x'.repeat(125))));
    const signal = AbortSignal.timeout(2_000);
    while (!signal.aborted && peers.some(({ socket }) => socket.writableLength < 4_000_000)) {
      for (const { socket } of peers) if (socket.writableLength < 4_000_000) socket.write(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { connection } of Object.values(primus.connections)) expect(connection.link?.bufferedAmount).toBeLessThan(1_000_000);
  });
});
