import { randomBytes } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { Spark } from '../../src/index.js';
import { compress, isTooBusyToCompress } from '../../transformers/shared/server/compression.js';
import { watchForCrashes } from '../server/crashes.js';
import { CONTINUATION, frame, handshake, PING, type Raw, type RawFrame, raw, TEXT } from '../server/raw.js';
import { cleanup, event, serve, until } from '../support/serve.js';

const RSV1 = 4;
const OPTIONS = { zlib: undefined, windowBits: 15 };

const inflated = (data: Buffer): string => zlib.inflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString();

const deflated = (data: string): Buffer => zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** The message of a frame. */
function text({ payload, compressed }: RawFrame): string {
  return compressed ? inflated(payload) : payload.toString();
}

/** Counts the calls of a function of zlib. */
function watch(name: 'deflateRawSync' | 'createDeflateRaw') {
  const spy = vi.spyOn(zlib, name as 'deflateRawSync');
  syncBuiltinESMExports();
  cleanup(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
  return spy;
}

const PATHS = {
  websockets: ['/primus', (message: string) => message],
  faye: ['/primus', (message: string) => message],
  'engine.io': ['/primus?EIO=4&transport=websocket', (message: string) => `4${message}`],
  sockjs: ['/primus/1/a/websocket', (message: string) => JSON.stringify([message])],
} as const;

describe.each(Object.entries(PATHS))('compression on %s', (transformer, [path, wrap]) => {
  watchForCrashes();

  async function open(count: number) {
    const served = await serve({ transformer, compression: true, pingInterval: false });
    const sparks: Spark[] = [];
    const errors: unknown[] = [];
    served.primus.on('connection', (spark: Spark) => {
      sparks.push(spark);
      spark.on('error', (error) => errors.push(error));
    });
    const peers = await Promise.all(
      Array.from({ length: count }, async () => {
        const peer = (await raw(served.port)).send(handshake(path, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
        expect(await peer.answer()).toContain('permessage-deflate');
        return peer;
      }),
    );
    await until(() => sparks.length === count);
    return { ...served, peers, sparks, errors };
  }

  /** Reads until something has arrived. */
  async function received(peer: Raw, expected: string): Promise<string> {
    let all = '';
    while (!all.includes(expected)) all += text(await peer.frame());
    return all;
  }

  it('compresses a message of a broadcast once', async () => {
    const { primus, peers } = await open(5);
    const spy = watch('deflateRawSync');
    for (const turn of [1, 2]) {
      primus.write(`message ${turn} ${'x'.repeat(2_000)}`);
      for (const peer of peers) await received(peer, `message ${turn}`);
    }
    // Each framework adds its own, which are the same for all.
    expect(spy.mock.calls.length).toBe(2);
  });

  it('keeps the order of messages that are compressed later, at once and not at all', async () => {
    const { peers, sparks } = await open(1);
    const sizes = [100_000, 2_000, 10, 50_000, 200_000, 3_000, 20];
    for (const [index, size] of sizes.entries()) (sparks[0] as Spark).write(`message ${index} ${'x'.repeat(size)}`);
    const all = await received(peers[0] as Raw, 'message 6');
    expect([...all.matchAll(/message (\d) (x+)/g)].map(([, index, letters]) => [index, letters?.length])).toEqual(
      sizes.map((size, index) => [String(index), size]),
    );
  });

  it('sends each message whole, also those that it shares with a connection that is lost', async () => {
    const { primus, peers, sparks } = await open(4);
    const messages = Array.from({ length: 60 }, (_, index) => `message ${index} ${String.fromCharCode(97 + (index % 26)).repeat(30_000)}`);
    // More than the server may have to compress: some are sent as they are.
    for (const [index, message] of messages.entries()) {
      if (index === 10) (peers[3] as Raw).socket.destroy();
      if (index % 3 === 0) for (const spark of sparks.slice(0, 2)) spark.write(message);
      else primus.write(message);
    }
    for (const [place, peer] of peers.slice(0, 3).entries()) {
      const all = await received(peer, 'message 59 ');
      const expected = messages.filter((_, index) => place < 2 || index % 3 !== 0);
      expect(all.match(/message \d+ [a-z]+/g)).toEqual(expected);
    }
  });

  it('does not take a client for slow behind which the server has much to compress', async () => {
    const { primus, connect } = await serve({ transformer, compression: true, pingInterval: false, maxBuffer: 200_000 });
    const errors: unknown[] = [];
    primus.on('connection', (spark: Spark) => spark.on('error', (error) => errors.push(error)));
    const client = connect();
    let count = 0;
    client.on('data', () => count++);
    await event(client, 'open');
    const messages = Array.from({ length: 50 }, () => randomBytes(15_000).toString('base64'));
    for (let turn = 1; turn <= 10; turn++) {
      for (const message of messages) primus.write(message);
      await until(() => count === turn * messages.length);
    }
    expect(errors).toEqual([]);
  });

  it('inflates a message whose fragments come with pings between them', async () => {
    const { peers, sparks } = await open(1);
    const [spark] = sparks as [Spark];
    const [peer] = peers as [Raw];
    const received = event(spark, 'data');
    const bytes = deflated(wrap(JSON.stringify('Hello '.repeat(1_000))));
    peer.send(frame(TEXT, bytes.subarray(0, 1), { reserved: RSV1, fin: false }));
    for (const byte of bytes.subarray(1, -1)) peer.send(frame(PING), frame(CONTINUATION, Buffer.from([byte]), { fin: false }));
    peer.send(frame(CONTINUATION, bytes.subarray(-1)));
    expect((await received)[0]).toBe('Hello '.repeat(1_000));
  });
});

describe('messages of websockets with compression that are not read', () => {
  it('take little memory, and arrive in order once they are', async () => {
    const { primus, port } = await serve({ transformer: 'websockets', compression: true, pingInterval: false });
    const announced = event(primus, 'connection');
    const peer = (await raw(port)).send(handshake('/primus', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    await peer.answer();
    const [spark] = (await announced) as [Spark];
    peer.socket.pause();
    const { link } = spark.connection;
    const filling = randomBytes(8_000).toString('base64');
    let sent = 0;
    while ((link?.bufferedAmount ?? 0) < 100_000) {
      spark.write(filling);
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const queued = () => (link as unknown as { queued?: Buffer[] }).queued ?? [];
    const small = (count: number) => `${count} ${'x'.repeat(200)}`;
    for (let count = 0; count < 3_000; count++) {
      spark.write(small(count));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(queued().length).toBeGreaterThan(0);
    expect(queued().length).toBeLessThan(1_100);
    peer.socket.resume();
    while (sent-- > 0) await peer.frame();
    for (let count = 0; count < 3_000; count++) expect(text(await peer.frame())).toBe(JSON.stringify(small(count)));
    expect(link?.bufferedAmount).toBe(0);
  });
});

describe('compress', () => {
  const compressed = (data: string | Buffer) =>
    new Promise<Buffer>((resolve, reject) => compress(data, OPTIONS, (error, bytes) => (error === null ? resolve(bytes) : reject(error))));

  it('uses a few streams for all long messages', async () => {
    const spy = watch('createDeflateRaw');
    const strings = Array.from({ length: 40 }, () => randomBytes(20_000).toString('hex'));
    expect((await Promise.all(strings.map(compressed))).map(inflated)).toEqual(strings);
    expect(spy.mock.calls.length).toBeLessThanOrEqual(4);
  });

  it('compresses the same long message once, for each that asks while it is under way', async () => {
    const text = 'x'.repeat(50_000);
    const results = await Promise.all([compressed(text), compressed(text.slice()), compressed('y'.repeat(50_000)), compressed(text)]);
    expect(new Set(results).size).toBe(2);
    expect(results.map(inflated)).toEqual([text, text, 'y'.repeat(50_000), text]);
  });

  it('gives up a message without listeners', async () => {
    const done = vi.fn();
    const strings = Array.from({ length: 60 }, () => randomBytes(20_000).toString('hex'));
    const giveUps = strings.map((text) => compress(text, OPTIONS, done));
    expect(isTooBusyToCompress(20_000, 0)).toBe(true);
    expect(giveUps.map((giveUp) => giveUp?.())).toEqual(strings.map(() => true));
    expect(giveUps.map((giveUp) => giveUp?.())).toEqual(strings.map(() => false));
    await compressed('x'.repeat(20_000));
    expect(done).not.toHaveBeenCalled();
    expect(isTooBusyToCompress(20_000, 0)).toBe(false);
  });

  it('honours the window of the client', async () => {
    const bytes = await new Promise<Buffer>((resolve) =>
      compress('x'.repeat(2_000), { ...OPTIONS, windowBits: 9 }, (_, data) => resolve(data)),
    );
    expect(inflated(bytes)).toBe('x'.repeat(2_000));
  });
});
