import { randomBytes } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { CLOSE, CONTINUATION, closing, frame, handshake, PING, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { cleanup, event, roundTrips, serve, until } from '../support/serve.js';
import { contract } from './contract.js';

contract({ transformer: 'websockets' });

const transformer = 'websockets';
const PONG = 10;
const RSV1 = 4;
const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';

function deflated(data: string | Buffer): Buffer {
  return zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

describe('websockets', () => {
  watchForCrashes();

  /** A server with one raw client, and the errors of its spark. */
  async function open(options: ServerOptions = {}) {
    const served = await serve({ transformer, pingInterval: false, ...options });
    const errors: unknown[] = [];
    served.primus.on('connection', (spark) => spark.on('error', (error) => errors.push(error)));
    const announced = event(served.primus, 'connection');
    const client = await rawWebSocket(served.port);
    const [spark] = (await announced) as [Spark];
    return { ...served, client, spark, errors };
  }

  it('rejects a request with 500 and a log entry when a function of the application throws in the framework, and serves the next one', async () => {
    let fails = true;
    const verifyClient = () => {
      if (fails) throw new Error('broken');
      return true;
    };
    const { primus, connect } = await serve({ transformer, transport: { verifyClient } });
    const log: unknown[] = [];
    primus.on('log', (...entry) => log.push(entry));
    const [error] = await event(connect({ strategy: false }), 'error');
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 500 });
    expect(log).toMatchObject([['error', { code: 'ERR_PRIMUS_TRANSFORMER', message: 'The framework failed: broken' }]]);
    fails = false;
    await event(connect(), 'open');
  });

  it('makes a PrimusError of what the framework of a client throws', async () => {
    const { connect } = await serve({ transformer });
    const [error] = await event(connect({ strategy: false, transport: { protocolVersion: 7 } }), 'error');
    expect(error).toMatchObject({ name: 'LinkError', code: 'ERR_PRIMUS_CONNECT', cause: { name: 'RangeError' } });
  });

  it('has the words of the cause in the message of an error', async () => {
    const words = { 3: 'Invalid WebSocket frame: invalid opcode 3', [TEXT]: 'A message exceeds maxLength' };
    for (const [opcode, message] of Object.entries(words)) {
      const { client, spark, errors } = await open({ maxLength: 1_000 });
      client.send(frame(Number(opcode), 'x'.repeat(2_000)));
      await event(spark, 'end');
      expect(errors).toMatchObject([{ message: expect.stringContaining(message) }]);
    }
  });

  describe('answers to pings', () => {
    it('are sent for every ping of a burst, in order', async () => {
      const { client } = await open();
      const pings = Array.from({ length: 500 }, (_, index) => frame(PING, String(index)));
      client.send(...pings);
      for (let index = 0; index < pings.length; index++) {
        const { opcode, payload } = await client.frame();
        expect([opcode, String(payload)]).toEqual([PONG, String(index)]);
      }
    });

    it('are sent for the last ping only to a slow consumer', async () => {
      const { client, url, spark } = await open();
      const buffered = () => spark.connection.link?.bufferedAmount ?? 0;
      client.socket.pause();
      const pings = Buffer.concat(Array(1_000).fill(frame(PING, 'x'.repeat(120))));
      let sent = 0;
      // The buffers of the system are filled first.
      while (buffered() < 20_000 && sent < 400_000) {
        client.socket.write(pings);
        sent += 1_000;
        await roundTrips(url);
      }
      for (let count = 0; count < 50; count++) client.socket.write(pings);
      client.send(frame(PING, 'last'));
      await roundTrips(url);
      expect(buffered()).toBeLessThan(200_000);
      client.socket.resume();
      let answers = 0;
      for (;;) {
        const { payload } = await client.frame();
        answers += 1;
        if (String(payload) === 'last') break;
      }
      expect(answers).toBeLessThan(sent + 50_000);
      expect(spark.readyState).toBe(3);
    });

    it('are left out with autoPong: false', async () => {
      const { client } = await open({ transport: { autoPong: false } });
      client.send(frame(PING, 'a'), frame(CLOSE, closing(1000)));
      expect((await client.frame()).opcode).toBe(CLOSE);
    });

    it('and what was written are sent before the answer to a close frame', async () => {
      const { client, spark } = await open();
      spark.on('data', (data) => spark.write(data));
      client.send(frame(TEXT, '1'), frame(PING, 'a'), frame(CLOSE, closing(1000)));
      expect([await client.frame(), await client.frame(), await client.frame()].map(({ opcode }) => opcode)).toEqual([TEXT, PONG, CLOSE]);
    });
  });

  it.each([
    ['a reserved opcode', frame(3), 1002, /opcode/],
    ['invalid UTF-8', frame(TEXT, Buffer.from([0xff])), 1007, /UTF-8/],
    ['a message that is too long', frame(TEXT, 'x'.repeat(101)), 1009, /maxLength \(100\)/],
  ])('names the close code and the reason of %s', async (_, bytes, closeCode, reason) => {
    const { client, spark } = await open({ maxLength: 100 });
    const failed = event(spark, 'error');
    client.send(bytes);
    expect(await client.closeCode()).toBe(closeCode);
    client.socket.end();
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', closeCode, reason: expect.stringMatching(reason) }]);
  });

  describe('fragments', () => {
    const fragments = (count: number, size: number) =>
      Buffer.concat(Array.from({ length: count }, () => frame(CONTINUATION, 'x'.repeat(size), { fin: false })));

    it.each([0, 1])('of %i bytes close the connection with 1008 when there are many', async (size) => {
      const { client, spark } = await open();
      const failed = event(spark, 'error');
      client.send(frame(TEXT, 'x', { fin: false }), fragments(5_000, size));
      expect(await client.closeCode()).toBe(1008);
      client.socket.end();
      expect(await failed).toMatchObject([{ closeCode: 1008, reason: expect.stringContaining('fragments') }]);
    });

    it('of some bytes are joined, and keep little more memory than those', async () => {
      const { client, url, spark } = await open();
      client.send(frame(TEXT, '"', { fin: false }), fragments(10_000, 20));
      await roundTrips(url);
      const { _receiver } = spark.socket as { _receiver: { _fragments: unknown[] } };
      expect(_receiver._fragments.length).toBeLessThan(2_000);
      const received = event(spark, 'data');
      client.send(frame(CONTINUATION, '"'));
      expect((await received)[0]).toBe('x'.repeat(200_000));
    });

    it('follow transport.maxFragments where it is given', async () => {
      const { client, spark } = await open({ transport: { maxFragments: 3 } });
      const failed = event(spark, 'error');
      client.send(frame(TEXT, 'x', { fin: false }), fragments(3, 100));
      client.socket.end();
      expect(await failed).toMatchObject([{ closeCode: 1008 }]);
    });

    it('of a frame that comes byte by byte are joined as well', async () => {
      const { client, spark } = await open();
      const received = event(spark, 'data');
      client.socket.setNoDelay();
      for (const byte of frame(TEXT, JSON.stringify('x'.repeat(3_000)))) {
        client.socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await received)[0]).toHaveLength(3_000);
    });
  });

  describe('the account of memory', () => {
    it('counts no control frames', async () => {
      const { client, primus, url } = await open();
      client.send(...Array.from({ length: 2_000 }, () => frame(PONG, 'x'.repeat(125))));
      await roundTrips(url);
      expect(primus.host.memory.total).toBe(0);
    });

    it('counts the fragments of a compressed message as they are, which are inflated when it is complete', async () => {
      const { port, primus } = await serve({ transformer, compression: true });
      const announced = event(primus, 'connection');
      const client = (await raw(port)).send(handshake('/primus', DEFLATE));
      await client.answer();
      const [spark] = (await announced) as [Spark];
      const text = `"${randomBytes(100_000).toString('hex')}"`;
      const bytes = deflated(text);
      client.send(frame(TEXT, bytes.subarray(0, 80_000), { fin: false, reserved: RSV1 }));
      await until(() => primus.host.memory.total > 0);
      expect(primus.host.memory.total).toBe(80_000);
      const received = event(spark, 'data');
      client.send(frame(CONTINUATION, bytes.subarray(80_000, 80_001), { fin: false }), frame(CONTINUATION, bytes.subarray(80_001)));
      expect((await received)[0]).toBe(JSON.parse(text));
      expect(primus.host.memory.total).toBe(0);
    });

    it('counts what the fragments of a message are inflated to in a context that is taken over', async () => {
      const { port, primus } = await serve({ transformer, transport: { perMessageDeflate: true } });
      const announced = event(primus, 'connection');
      const client = (await raw(port)).send(handshake('/primus', DEFLATE));
      await client.answer();
      const [spark] = (await announced) as [Spark];
      const part = Buffer.concat([deflated(`"${'x'.repeat(2_000_000)}`), Buffer.from([0, 0, 0xff, 0xff])]);
      client.send(frame(TEXT, part, { fin: false, reserved: RSV1 }));
      await until(() => primus.host.memory.total >= 1_900_000);
      expect(primus.host.memory.total).toBeLessThan(2_200_000);
      const received = event(spark, 'data');
      client.send(frame(CONTINUATION, deflated('"')));
      expect((await received)[0]).toHaveLength(2_000_000);
      expect(primus.host.memory.total).toBe(0);
    });
  });

  describe('compression', () => {
    it('keeps no compressor between two messages', async () => {
      const { port, primus } = await serve({ transformer, compression: true });
      primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
      const announced = event(primus, 'connection');
      const client = (await raw(port)).send(handshake('/primus', DEFLATE));
      expect(await client.answer()).toMatch(
        /permessage-deflate; server_no_context_takeover; client_no_context_takeover|client_no.*server_no/,
      );
      const [spark] = (await announced) as [Spark];
      const { _extensions } = spark.socket as { _extensions: Record<string, Record<string, unknown>> };
      const message = deflated(JSON.stringify('Hello '.repeat(1_000)));
      for (let round = 0; round < 3; round++) {
        client.send(frame(TEXT, message.subarray(0, 5), { fin: false, reserved: RSV1 }), frame(CONTINUATION, message.subarray(5)));
        expect((await client.frame()).payload.length).toBeLessThan(200);
        await until(() => _extensions['permessage-deflate']?._inflate === null && _extensions['permessage-deflate']?._deflate === null);
      }
    });

    it('of one large message is undone at a time, and one that exceeds maxLength closes its connection alone', async () => {
      let [now, most] = [0, 0];
      const create = zlib.createInflateRaw;
      const spy = vi.spyOn(zlib, 'createInflateRaw').mockImplementation((options) => {
        now += 1;
        most = Math.max(most, now);
        return create(options).once('close', () => {
          now -= 1;
        });
      });
      syncBuiltinESMExports();
      cleanup(() => {
        spy.mockRestore();
        syncBuiltinESMExports();
      });
      const { port, primus } = await serve({ transformer, compression: true, maxLength: 1_000_000 });
      const errors: unknown[] = [];
      const received: number[] = [];
      primus.on('connection', (spark) => {
        spark.on('error', (error) => errors.push(error));
        spark.on('data', (data) => received.push((data as string).length));
      });
      const clients = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const client = (await raw(port)).send(handshake('/primus', DEFLATE));
          await client.answer();
          return client;
        }),
      );
      const [bomb, whole] = [20_000_000, 999_998].map((length) => deflated(JSON.stringify('x'.repeat(length)))) as [Buffer, Buffer];
      const half = bomb.length / 2;
      for (const [index, client] of clients.entries()) {
        if (index === 0) client.send(frame(TEXT, whole, { reserved: RSV1 }));
        else if (index % 2 === 0) client.send(frame(TEXT, bomb, { reserved: RSV1 }));
        else client.send(frame(TEXT, bomb.subarray(0, half), { fin: false, reserved: RSV1 }), frame(CONTINUATION, bomb.subarray(half)));
      }
      for (const client of clients.slice(1)) {
        expect(await client.closeCode()).toBe(1009);
        client.socket.end();
      }
      await until(() => errors.length === 9 && received.length === 1);
      for (const error of errors) expect(error).toMatchObject({ closeCode: 1009, reason: 'A message exceeds maxLength (1000000)' });
      // A large one, the small one that does not wait for it, and those of which the close is emitted later.
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(4);
      expect(primus.connected).toBe(1);
    });
  });
});
