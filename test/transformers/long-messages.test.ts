import { type EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { BINARY, CONTINUATION, frame, rawWebSocket } from '../server/raw.js';
import { event, serve } from '../support/serve.js';

const MB = 1_048_576;

const parser = {
  encoder: (data: unknown, done: (error: null, frame: Uint8Array) => void) => done(null, data as Uint8Array),
  decoder: (data: string | Uint8Array, done: (error: null, data: unknown) => void) => done(null, data),
};

describe.each(['websockets', 'uws', 'faye'])('long messages over %s', (transformer) => {
  it.each([
    ['of 1 MB in fragments of 64 bytes', MB, 64],
    ['of 4 MB in fragments of 64 bytes', 4 * MB, 64],
    ['of 4 MB in fragments of 1 kB', 4 * MB, 1_024],
    ['of 4 MB in fragments of 1 MB', 4 * MB, MB],
    ['of 16 MB in fragments of 4 MB', 16 * MB, 4 * MB],
    ['of 16 MB in one frame', 16 * MB, 16 * MB],
  ])('echoes a message %s', async (_, length, size) => {
    const { primus, port } = await serve({ transformer, parser, pingInterval: false, maxLength: 16 * MB, maxBuffer: 64 * MB });
    primus.on('connection', (spark: Spark) => spark.on('data', (data) => spark.write(data)));
    const announced = event(primus, 'connection');
    const client = await rawWebSocket(port);
    await announced;
    const data = Buffer.alloc(length);
    for (let at = 0; at < length; at += 4) data.writeUInt32BE(at, at);
    for (let at = 0; at < length; at += MB) {
      // Some fragments in one write, as a client sends them.
      const parts: Buffer[] = [];
      for (let from = at; from < Math.min(at + Math.max(MB, size), length); from += size)
        parts.push(frame(from === 0 ? BINARY : CONTINUATION, data.subarray(from, from + size), { fin: from + size >= length }));
      if (!client.socket.write(Buffer.concat(parts))) await once(client.socket, 'drain');
      if (size > MB) at += size - MB;
    }
    const { opcode, payload } = await client.frame();
    expect(opcode).toBe(BINARY);
    expect(payload.equals(data)).toBe(true);
  });
});

interface Receiving {
  _receiver: EventEmitter;
}

/** Finds the WebSocket of ws below a spark. */
const SOCKETS: Record<string, (socket: unknown) => EventEmitter & Receiving> = {
  websockets: (socket) => socket as never,
  'engine.io': (socket) => (socket as { transport: { socket: never } }).transport.socket,
  'socket.io': (socket) => (socket as { conn: { transport: { socket: never } } }).conn.transport.socket,
};

describe.each(Object.keys(SOCKETS))('the bytes of a long text over %s', (transformer) => {
  const text = `${'x'.repeat(200_000)}€`;

  async function receive(observe: (socket: EventEmitter & Receiving) => void) {
    const { primus, connect } = await serve({ transformer });
    const announced = event(primus, 'connection');
    const client = connect(transformer === 'websockets' ? {} : { transport: { transports: ['websocket'] } });
    const [spark] = (await announced) as [Spark];
    observe((SOCKETS[transformer] as (typeof SOCKETS)[string])(spark.socket));
    const received = event(spark as never, 'data');
    client.write(text);
    expect((await received)[0]).toBe(text);
  }

  it('are freed once there is a string', async () => {
    let bytes: Buffer | undefined;
    // Of ws itself, and before the socket: it does not count as a listener of the socket.
    await receive(({ _receiver: receiver }) => receiver.prependListener('message', (data: Buffer) => (bytes = data)));
    expect(bytes).toHaveLength(0);
  });

  it('stay for an application that listens to the socket, too', async () => {
    let bytes: Buffer | undefined;
    await receive((socket) => socket.on('message', (data: Buffer) => (bytes = data)));
    expect(`${bytes}`).toContain(text);
  });
});
