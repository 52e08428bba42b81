import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { BINARY, CLOSE, CONTINUATION, closing, frame, handshake, PING, type Raw, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { block } from '../support/block.js';
import { event, serve, until } from '../support/serve.js';

const PONG = 10;
const RSV1 = 4;

const parser = {
  encoder: (data: unknown, done: (error: null, frame: string | Uint8Array) => void) => done(null, data as string | Uint8Array),
  decoder: (data: string | Uint8Array, done: (error: null, data: unknown) => void) => done(null, data),
};

const text = `${'é'.repeat(100_000)}${'x'.repeat(100_000)}"\\\n${'😀'.repeat(50_000)}`;

const deflated = (bytes: Buffer): Buffer => deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** A message in fragments of different lengths, with a ping between each two. */
function fragments(opcode: number, payload: Buffer, reserved: number, lengths: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, count = 0; at < payload.length; count++) {
    const length = lengths[count % lengths.length] as number;
    const fin = at + length >= payload.length;
    const first = count === 0;
    parts.push(frame(first ? opcode : CONTINUATION, payload.subarray(at, at + length), { fin, reserved: first ? reserved : 0 }));
    if (!fin) parts.push(frame(PING, 'x'));
    at += length;
  }
  return Buffer.concat(parts);
}

/** Incompressible text, so that it is long when it is compressed as well. */
function noise(length: number): string {
  let seed = 1;
  return Array.from({ length }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return String.fromCharCode(32 + (seed % 90));
  }).join('');
}

describe.each([
  ['faye', '/primus', (value: string) => value],
  ['sockjs', '/primus/1/a/websocket', (value: string) => JSON.stringify([value])],
  ['sockjs', '/primus/websocket', (value: string) => value],
] as const)('a WebSocket of %s at %s', (transformer, path, encode) => {
  watchForCrashes();

  async function scene(options: { compression?: boolean } = {}) {
    const { primus, port } = await serve({ transformer, parser, pingInterval: false, maxLength: 4_000_000, ...options });
    const received: unknown[] = [];
    primus.on('connection', (spark: Spark) => {
      spark.on('error', () => {});
      spark.on('data', (data) => received.push(data));
    });
    const announced = event(primus, 'connection');
    const peer = await raw(port);
    await peer.send(handshake(path, options.compression ? 'Sec-WebSocket-Extensions: permessage-deflate\r\n' : '')).answer();
    const [spark] = (await announced) as [Spark];
    // At sockjs, the frame `o` comes first.
    if (path.endsWith('/1/a/websocket')) await peer.frame();
    return { primus, peer, spark, received };
  }

  const shapes: [string, (opcode: number, payload: Buffer, reserved: number) => Buffer][] = [
    ['one frame', (opcode, payload, reserved) => frame(opcode, payload, { reserved })],
    ['fragments, all of them long', (...message) => fragments(...message, [100_000])],
    ['fragments, the first of them long', (...message) => fragments(...message, [300_000, 1_000])],
    ['fragments, long ones behind short ones', (...message) => fragments(...message, [10, 1_000, 70_000, 5_000, 90_000, 1])],
    ['fragments, all of them short', (...message) => fragments(...message, [3_000])],
  ];

  it.each(shapes)('receives long strings in %s, and what follows them in the same segment', async (_, shape) => {
    const { peer, received } = await scene();
    const all = [text, noise(300_000), 'x'.repeat(65_537), 'é'.repeat(70_000)];
    const bytes = all.flatMap((message) => [shape(TEXT, Buffer.from(encode(message)), 0), frame(TEXT, encode('next'))]);
    peer.send(...bytes);
    await until(() => received.length === 2 * all.length);
    expect(received).toEqual(all.flatMap((message) => [message, 'next']));
  });

  it.each(shapes)('inflates long strings in %s', async (_, shape) => {
    const { peer, received } = await scene({ compression: true });
    const all = [text, noise(300_000), 'x'.repeat(2_000_000)];
    peer.send(
      ...all.flatMap((message) => [shape(TEXT, deflated(Buffer.from(encode(message))), RSV1), frame(TEXT, encode('next'))]),
      ...all.map((message) => shape(TEXT, Buffer.from(encode(message)), 0)),
    );
    await until(() => received.length === 9);
    expect(received).toEqual([...all.flatMap((message) => [message, 'next']), ...all]);
  });

  it('closes with 1007 at a long string that is no UTF-8', async () => {
    for (const compression of [false, true]) {
      const { peer, received } = await scene({ compression });
      const payload = Buffer.concat([Buffer.from(encode('x'.repeat(200_000))), Buffer.from([0xff])]);
      peer.send(compression ? frame(TEXT, deflated(payload), { reserved: RSV1 }) : frame(TEXT, payload));
      expect(await peer.closeCode()).toBe(1007);
      expect(received).toEqual([]);
    }
  });

  it('closes with 1009 in the middle of a long message that becomes longer than the limit', async () => {
    const { primus, peer } = await scene();
    const half = 'x'.repeat(path.endsWith('/1/a/websocket') ? 5_000_000 : 2_100_000);
    peer.send(frame(TEXT, half, { fin: false }), frame(CONTINUATION, half));
    expect(await peer.closeCode()).toBe(1009);
    await until(() => primus.connected === 0);
  });

  it('keeps the code of a close behind a pong that is no UTF-8', async () => {
    const { peer } = await scene();
    peer.send(frame(PONG, Buffer.from([0xff])), frame(CLOSE, closing(1000)));
    expect(await peer.closeCode()).toBe(1000);
  });

  it('answers all messages before a close frame, though they take more than one turn', async () => {
    const { peer, spark } = await scene();
    spark.on('data', (data) => {
      block(10);
      spark.write(data);
    });
    const messages = Array.from({ length: 20 }, (_, index) => `<${index}>`);
    peer.send(...messages.map((message) => frame(TEXT, encode(message))), frame(CLOSE, closing(1000)));
    const answers: string[] = [];
    for (let answer = await peer.frame(); answer.opcode !== CLOSE; answer = await peer.frame()) answers.push(`${answer.payload}`);
    expect(answers.join('').match(/<\d+>/g)).toEqual(messages);
  });

  it('leaves what follows in a segment unread while the connection is paused', async () => {
    const { peer, spark, received } = await scene();
    spark.once('data', () => spark.connection.pause(true));
    const messages = Array.from({ length: 1_500 }, (_, index) => frame(TEXT, encode(`${index}`)));
    peer.send(...messages, frame(PING, 'x'));
    await until(() => received.length > 0);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    spark.write('paused');
    expect((await peer.frame()).payload.toString()).toContain('paused');
    spark.connection.pause(false);
    expect((await peer.frame()).opcode).toBe(PONG);
    await until(() => received.length === 1_500);
    expect(received).toEqual(Array.from({ length: 1_500 }, (_, index) => `${index}`));
  });
});

describe.each([
  ['faye', '/primus'],
  ['sockjs', '/primus/websocket'],
] as const)('bytes over %s at %s', (transformer, path) => {
  it('are received in memory of their own', async () => {
    const { primus, port } = await serve({ transformer, parser, pingInterval: false, compression: true });
    const received: Buffer[] = [];
    primus.on('connection', (spark: Spark) => spark.on('data', (data) => received.push(data as Buffer)));
    const bytes = Buffer.from(noise(400_000));
    const peer: Raw = await rawWebSocket(port, path);
    peer.send(frame(BINARY, bytes), fragments(BINARY, bytes, 0, [70_000, 10]), frame(TEXT, 'x'.repeat(200_000)));
    const compressed = (await raw(port)).send(handshake(path, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    await compressed.answer();
    compressed.send(frame(BINARY, deflated(bytes), { reserved: RSV1 }), fragments(BINARY, deflated(bytes), RSV1, [100_000]));
    await until(() => received.length === 5);
    const binary = received.filter((data) => typeof data !== 'string');
    expect(binary.map((data) => bytes.equals(data))).toEqual([true, true, true, true]);
  });
});
