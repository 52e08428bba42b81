import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { processorTime } from '../support/cpu.js';
import { event, type Served, serve, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closing,
  type FrameOptions,
  frame,
  handshake,
  PING,
  type Raw,
  raw,
  rawWebSocket,
  TEXT,
} from './raw.js';

watchForCrashes();

/** A server that echoes and remembers, a well-behaved client of it, and a raw one. */
async function start(options: object = {}) {
  const served = await serve({ pingInterval: false, ...options });
  const errors: Error[] = [];
  const log: string[] = [];
  served.primus.on('connection', (spark) => {
    log.push('connection');
    spark.on('error', (error) => errors.push(error));
    spark.on('data', (data) => {
      log.push(`data ${JSON.stringify(data)}`);
      spark.write(data);
    });
    spark.on('end', () => log.push('end'));
  });
  served.primus.on('disconnection', () => log.push('disconnection'));
  return { ...served, errors, log };
}

/** The server still serves others. */
async function alive({ connect }: Served): Promise<void> {
  const client = connect();
  const echo = event(client, 'data');
  client.write('alive?');
  expect((await echo)[0]).toBe('alive?');
}

describe('an invalid WebSocket frame', () => {
  const vectors: [name: string, code: number, send: (peer: Raw) => void][] = [
    ['reserved bit 1', 1002, (peer) => peer.send(frame(TEXT, '1', { reserved: 4 }))],
    ['reserved bit 2', 1002, (peer) => peer.send(frame(TEXT, '1', { reserved: 2 }))],
    ['reserved bit 3', 1002, (peer) => peer.send(frame(TEXT, '1', { reserved: 1 }))],
    ['unmasked', 1002, (peer) => peer.send(frame(TEXT, '1', { masked: false }))],
    ['reserved data opcode', 1002, (peer) => peer.send(frame(3, '1'))],
    ['reserved control opcode', 1002, (peer) => peer.send(frame(11, ''))],
    ['fragmented ping', 1002, (peer) => peer.send(frame(PING, 'x', { fin: false }))],
    ['long ping', 1002, (peer) => peer.send(frame(PING, 'x'.repeat(126)))],
    ['continuation of nothing', 1002, (peer) => peer.send(frame(CONTINUATION, '1'))],
    ['message within a message', 1002, (peer) => peer.send(frame(TEXT, '"a', { fin: false }), frame(TEXT, 'b"'))],
    ['bad UTF-8', 1007, (peer) => peer.send(frame(TEXT, Buffer.from([0x22, 0xff, 0x22])))],
    ['UTF-8 cut short', 1007, (peer) => peer.send(frame(TEXT, Buffer.from([0x22, 0xc3])))],
    ['a surrogate in UTF-8', 1007, (peer) => peer.send(frame(TEXT, Buffer.from([0xed, 0xa0, 0x80])))],
    ['close with one byte', 1002, (peer) => peer.send(frame(CLOSE, Buffer.from([3])))],
    ['close with a code that must not be sent', 1002, (peer) => peer.send(frame(CLOSE, closing(1005)))],
    ['close with a code below 1000', 1002, (peer) => peer.send(frame(CLOSE, closing(999)))],
    ['close with a bad reason', 1007, (peer) => peer.send(frame(CLOSE, Buffer.concat([closing(1000), Buffer.from([0xff])])))],
    [
      'a length beyond all numbers',
      1009,
      (peer) => peer.send(Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
    ],
  ];

  it.each(vectors)('(%s) closes the connection with %i and an error', async (_name, code, send) => {
    const served = await start();
    const peer = await rawWebSocket(served.port);
    const gone = event(served.primus, 'disconnection');
    send(peer);
    expect(await peer.closeCode()).toBe(code);
    peer.socket.end();
    await gone;
    expect(served.errors).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED' }]);
    expect(served.log).toEqual(['connection', 'disconnection', 'end']);
    expect(served.primus.connected).toBe(0);
    await alive(served);
  });

  it('comes behind the valid messages before it', async () => {
    const served = await start();
    const peer = await rawWebSocket(served.port);
    peer.send(frame(TEXT, '"good"'), frame(3, 'bad'), frame(TEXT, '"after"'));
    expect(await peer.frame()).toMatchObject({ opcode: TEXT, payload: Buffer.from('"good"') });
    expect(await peer.closeCode()).toBe(1002);
    peer.socket.end();
    await until(() => served.primus.connected === 0);
    expect(served.log).toEqual(['connection', 'data "good"', 'disconnection', 'end']);
  });
});

describe('the option maxLength', () => {
  const maxLength = 1_000;

  it('allows a message of exactly that length', async () => {
    const { port } = await start({ maxLength });
    const peer = (await rawWebSocket(port)).send(frame(TEXT, `"${'x'.repeat(maxLength - 2)}"`));
    expect((await peer.frame()).payload).toHaveLength(maxLength);
  });

  it.each<[string, Buffer[]]>([
    ['in one frame', [frame(TEXT, 'x'.repeat(maxLength + 1))]],
    ['in fragments', [frame(TEXT, 'x'.repeat(maxLength), { fin: false }), frame(CONTINUATION, 'x')]],
    ['that only announces itself', [frame(TEXT, 'x', { length: 2 ** 31 - 1 } satisfies FrameOptions)]],
    ['in a binary frame', [frame(BINARY, 'x'.repeat(maxLength + 1))]],
  ])('closes with 1009 and an error for one byte more %s', async (_name, frames) => {
    const served = await start({ maxLength });
    const peer = (await rawWebSocket(served.port)).send(...frames);
    expect(await peer.closeCode()).toBe(1009);
    peer.socket.end();
    await until(() => served.primus.connected === 0);
    expect(served.errors).toHaveLength(1);
    expect(served.errors[0]).toMatchObject({
      name: 'LinkError',
      code: 'ERR_PRIMUS_DROPPED',
      cause: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' },
    });
    await alive(served);
  });

  it('limits the decompressed length of a compressed message', async () => {
    const served = await start({ maxLength, compression: true });
    const client = served.connect({ strategy: false });
    await event(client, 'open');
    const gone = event(served.primus, 'disconnection');
    client.write('x'.repeat(100_000));
    await gone;
    expect(served.errors).toMatchObject([{ cause: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' } }]);
    expect(served.log.some((entry) => entry.startsWith('data'))).toBe(false);
  });
});

describe('messages that do not parse', () => {
  it('cause an error each, and the connection stays open', async () => {
    const served = await start();
    const peer = await rawWebSocket(served.port);
    const bad = ['{', '', 'undefined', '"a', '{"a":1,}', 'NaN', '\u0000', `${'['.repeat(10)}`];
    peer.send(...bad.map((text) => frame(TEXT, text)), frame(BINARY, Buffer.from([0xff])), frame(TEXT, '"good"'));
    expect((await peer.frame()).payload.toString()).toBe('"good"');
    expect(served.errors.map((error) => (error as { code?: string }).code)).toEqual(Array(bad.length + 1).fill('ERR_PRIMUS_DECODE'));
    expect(served.primus.connected).toBe(1);
  });

  it('of 100,000 brackets cause one error, quickly', async () => {
    const served = await start();
    const peer = await rawWebSocket(served.port);
    const taken = await processorTime(async () => {
      peer.send(frame(TEXT, '['.repeat(100_000)), frame(TEXT, '1e999'), frame(TEXT, '"\\ud800"'));
      // JSON has no Infinity: what it read as one is printed as null.
      expect((await peer.frame()).payload.toString()).toBe('null');
    });
    expect(taken).toBeLessThan(5_000);
    expect((await peer.frame()).payload.toString()).toBe('"\\ud800"');
    expect(served.errors).toHaveLength(1);
  });

  it('with keys such as __proto__ are plain data', async () => {
    const served = await start();
    const peer = await rawWebSocket(served.port);
    const text = '{"__proto__":{"polluted":1},"constructor":1,"hasOwnProperty":2}';
    peer.send(frame(TEXT, text));
    expect((await peer.frame()).payload.toString()).toBe(text);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('that are control messages of the server, or unknown, are ignored', async () => {
    const served = await start();
    const peer = await rawWebSocket(served.port);
    for (const words of [
      'primus::server::close',
      'primus::ping::1',
      'primus::id::mine',
      'primus::',
      'primus::pong::x',
      'primus::new::thing',
    ]) {
      peer.send(frame(TEXT, JSON.stringify(words)));
    }
    peer.send(frame(TEXT, '"data"'));
    expect((await peer.frame()).payload.toString()).toBe('"data"');
    expect(served.log).toEqual(['connection', 'data "data"']);
    expect(served.errors).toEqual([]);
  });
});

describe('one TCP segment', () => {
  it('with handshake, frames and close causes connection, data and disconnection in this order', async () => {
    const { port, primus, log, errors } = await start();
    const peer = (await raw(port)).send(handshake(), frame(TEXT, '1'), frame(TEXT, '{'), frame(TEXT, '2'), frame(CLOSE, closing(1000)));
    await until(() => log.includes('disconnection'));
    await peer.answer();
    expect(log).toEqual(['connection', 'data 1', 'data 2', 'disconnection', 'end']);
    expect(errors).toHaveLength(1);
    expect(primus.connected).toBe(0);
    expect(Object.keys(primus.connections)).toEqual([]);
  });

  it('is buffered until an asynchronous connection listener agrees', async () => {
    const { port, primus, log, url } = await start();
    let agree: () => void = () => {};
    primus.on('connection', (_spark, next) => {
      log.push('asked');
      agree = next;
    });
    (await raw(port)).send(handshake(), frame(TEXT, '1'), frame(TEXT, '2'), frame(CLOSE, closing(1000)));
    await until(() => log.includes('asked'));
    // A whole exchange later, more would have been read.
    await fetch(`${url}/primus/spec`);
    expect(log).toEqual(['connection', 'asked']);
    agree();
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'asked', 'data 1', 'data 2', 'disconnection', 'end']);
  });

  it('with an invalid frame at its end delivers the valid ones', async () => {
    const { port, log, errors } = await start();
    const peer = (await raw(port)).send(handshake(), frame(TEXT, '1'), frame(3, ''));
    await peer.answer();
    expect(await peer.closeCode()).toBe(1002);
    peer.socket.end();
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'data 1', 'disconnection', 'end']);
    expect(errors).toHaveLength(1);
  });
});

describe('handshakes', () => {
  it.each<[string, string, number]>([
    ['no key', 'GET /primus HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n', 400],
    ['another version', handshake().replace('Version: 13', 'Version: 7'), 400],
    ['another protocol', handshake().replace('Upgrade: websocket', 'Upgrade: h2c'), 400],
    ['another method', handshake().replace('GET', 'POST'), 405],
    ['two keys', handshake('/primus', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'), 400],
  ])('with %s are rejected, and the connection is closed', async (_name, text, status) => {
    const served = await start();
    const peer = (await raw(served.port)).send(text);
    expect(await peer.answer()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await peer.rest();
    expect(served.primus.connected).toBe(0);
    await alive(served);
  });

  it('on other paths are rejected and closed, even if the client does not close', async () => {
    const served = await start();
    for (const [target, status] of [
      ['/primusfoo', 404],
      ['/other', 404],
      ['http://x/other', 404],
      ['//x/primus', 400],
    ] as const) {
      const peer = (await raw(served.port)).send(handshake(target));
      expect(await peer.answer(), target).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      await peer.rest();
    }
    await alive(served);
  });

  it('with 2,000 headers, or 64 kB of them, are either accepted or rejected', async () => {
    const served = await start();
    for (const headers of ['X: y\r\n'.repeat(2_100), `X: ${'y'.repeat(65_536)}\r\n`]) {
      const peer = (await raw(served.port)).send(handshake('/primus', headers));
      expect(await peer.answer()).toMatch(/^HTTP\/1\.1 (101|4\d\d) /);
      peer.socket.destroy();
    }
    await alive(served);
  });

  it('that the client aborts leave nothing behind', async () => {
    const served = await start();
    for (let count = 0; count < 20; count++) {
      const peer = (await raw(served.port)).send(handshake());
      peer.socket.resetAndDestroy();
    }
    await until(
      () => served.log.filter((entry) => entry === 'connection').length === served.log.filter((entry) => entry === 'disconnection').length,
    );
    await alive(served);
    const [spark] = Object.values(served.primus.connections) as [Spark];
    expect(Object.values(served.primus.connections)).toEqual([spark]);
  });
});
