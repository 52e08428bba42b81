import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { type FrameSender, GatheredFrames, gatherFrames, MAX_GATHERED } from '../../transformers/shared/ws/gathered-frames.js';
import { cleanup, event, serve, until } from '../support/serve.js';

type Writing = Pick<Socket, '_write'> & { _writev: NonNullable<Socket['_writev']> };

/** The number of writes to the system that a socket does. */
function countWrites(socket: Socket) {
  const counted = { writes: 0 };
  for (const name of ['_write', '_writev'] as const) {
    const original = (socket as Writing)[name] as (...args: unknown[]) => void;
    Object.assign(socket, {
      [name](...args: unknown[]) {
        counted.writes++;
        original.apply(socket, args);
      },
    });
  }
  return counted;
}

describe('frames of one tick', () => {
  // The engine sends the first packet of a tick by itself, and those behind it when that has been sent.
  it.each([
    ['websockets', 1],
    ['engine.io', 2],
    ['socket.io', 2],
  ] as const)('leave over %s in so many writes: %s', async (transformer, writes) => {
    const { primus, server, connect } = await serve({ transformer, pingInterval: false, maxBuffer: 10_000_000 });
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    const client = connect({ transport: { transports: ['websocket'] } });
    const received: unknown[] = [];
    client.on('data', (data) => received.push(data));
    const [spark] = (await event(primus, 'connection')) as [Spark];
    await event(client, 'open');
    const counted = countWrites(sockets.at(-1) as Socket);
    const messages = Array.from({ length: 200 }, (_, index) => `${index}`);
    for (const message of messages) spark.write(message);
    await until(() => received.length === 200);
    expect(received).toEqual(messages);
    expect(counted.writes).toBe(writes);

    const mixed = Array.from({ length: 60 }, (_, index) => `${index}`.repeat(index % 3 === 0 ? 5_000 : 1));
    for (const message of mixed) spark.write(message);
    // Nothing that waits is left out.
    expect((spark.connection.link as { bufferedAmount: number }).bufferedAmount).toBeGreaterThanOrEqual(mixed.join('').length);
    await until(() => received.length === 260);
    expect(received.slice(200)).toEqual(mixed);
    expect(counted.writes).toBeLessThanOrEqual(2 * writes);
  });
});

describe('GatheredFrames', () => {
  function sender() {
    const socket = new PassThrough({ highWaterMark: 10_000_000 });
    cleanup(() => socket.destroy());
    const made = { _bufferedBytes: 0, _socket: socket, sendFrame() {} } as FrameSender;
    gatherFrames(made);
    return { made, socket, read: () => (socket.read() as Buffer | null)?.toString() };
  }

  it('calls back who sent a frame when it was written', async () => {
    const { made, read } = sender();
    const sent: unknown[] = [];
    made.sendFrame([Buffer.from('a'), 'bc'], (error) => sent.push(['abc', error ?? null]));
    made.sendFrame([Buffer.from('d')]);
    made.sendFrame([Buffer.from('e'), Buffer.from('f')], (error) => sent.push(['ef', error ?? null]));
    expect([read(), sent, made.gathered?.length]).toEqual([undefined, [], 6]);
    await until(() => sent.length === 2);
    expect([read(), sent, made.gathered]).toEqual([
      'abcdef',
      [
        ['abc', null],
        ['ef', null],
      ],
      undefined,
    ]);
  });

  it('writes before the end of the tick when there is too much', () => {
    const { made, read } = sender();
    const frame = Buffer.alloc(1_000, 'x');
    let count = 0;
    while (made.gathered !== undefined || count === 0) {
      made.sendFrame([frame]);
      count++;
    }
    expect(count).toBe(Math.floor(MAX_GATHERED / 1_000) + 1);
    expect(read()).toHaveLength(count * 1_000);
  });

  it('says so when the socket was closed meanwhile', async () => {
    const { made, socket } = sender();
    const failures: unknown[] = [];
    made.sendFrame([Buffer.from('a')], (error) => failures.push(error?.message));
    made.sendFrame([Buffer.from('b')], (error) => failures.push(error?.message));
    socket.destroy();
    await until(() => failures.length === 2);
    expect(failures).toEqual(Array(2).fill('The socket was closed before the end of the tick'));
    expect(new GatheredFrames(made).flush()).toBeUndefined();
  });
});
