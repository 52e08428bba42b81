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

describe('frames that break the rules of WebSockets', () => {
  const vectors: [name: string, code: number, send: (line: Raw) => void][] = [
    ['reserved bit 1', 1002, (line) => line.send(frame(TEXT, '1', { reserved: 4 }))],
    ['reserved bit 2', 1002, (line) => line.send(frame(TEXT, '1', { reserved: 2 }))],
    ['reserved bit 3', 1002, (line) => line.send(frame(TEXT, '1', { reserved: 1 }))],
    ['unmasked', 1002, (line) => line.send(frame(TEXT, '1', { masked: false }))],
    ['reserved data opcode', 1002, (line) => line.send(frame(3, '1'))],
    ['reserved control opcode', 1002, (line) => line.send(frame(11, ''))],
    ['fragmented ping', 1002, (line) => line.send(frame(PING, 'x', { fin: false }))],
    ['long ping', 1002, (line) => line.send(frame(PING, 'x'.repeat(126)))],
    ['continuation of nothing', 1002, (line) => line.send(frame(CONTINUATION, '1'))],
    ['message within a message', 1002, (line) => line.send(frame(TEXT, '"a', { fin: false }), frame(TEXT, 'b"'))],
    ['bad UTF-8', 1007, (line) => line.send(frame(TEXT, Buffer.from([0x22, 0xff, 0x22])))],
    ['UTF-8 cut short', 1007, (line) => line.send(frame(TEXT, Buffer.from([0x22, 0xc3])))],
    ['a surrogate in UTF-8', 1007, (line) => line.send(frame(TEXT, Buffer.from([0xed, 0xa0, 0x80])))],
    ['close with one byte', 1002, (line) => line.send(frame(CLOSE, Buffer.from([3])))],
    ['close with a code that must not be sent', 1002, (line) => line.send(frame(CLOSE, closing(1005)))],
    ['close with a code below 1000', 1002, (line) => line.send(frame(CLOSE, closing(999)))],
    ['close with a bad reason', 1007, (line) => line.send(frame(CLOSE, Buffer.concat([closing(1000), Buffer.from([0xff])])))],
    [
      'a length beyond all numbers',
      1009,
      (line) => line.send(Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
    ],
  ];

  it.each(vectors)('%s: closed with %i, and an error', async (_name, code, send) => {
    const served = await start();
    const line = await rawWebSocket(served.port);
    const gone = event(served.primus, 'disconnection');
    send(line);
    expect(await line.closeCode()).toBe(code);
    line.socket.end();
    await gone;
    expect(served.errors).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED' }]);
    expect(served.log).toEqual(['connection', 'end', 'disconnection']);
    expect(served.primus.connected).toBe(0);
    await alive(served);
  });

  it('delivers what was good before the bad', async () => {
    const served = await start();
    const line = await rawWebSocket(served.port);
    line.send(frame(TEXT, '"good"'), frame(3, 'bad'), frame(TEXT, '"after"'));
    expect(await line.frame()).toMatchObject({ opcode: TEXT, payload: Buffer.from('"good"') });
    expect(await line.closeCode()).toBe(1002);
    line.socket.end();
    await until(() => served.primus.connected === 0);
    expect(served.log).toEqual(['connection', 'data "good"', 'end', 'disconnection']);
  });
});

describe('sizes', () => {
  const maxLength = 1_000;

  it('takes a message of exactly maxLength', async () => {
    const { port } = await start({ maxLength });
    const line = (await rawWebSocket(port)).send(frame(TEXT, `"${'x'.repeat(maxLength - 2)}"`));
    expect((await line.frame()).payload).toHaveLength(maxLength);
  });

  it.each<[string, Buffer[]]>([
    ['in one frame', [frame(TEXT, 'x'.repeat(maxLength + 1))]],
    ['in fragments', [frame(TEXT, 'x'.repeat(maxLength), { fin: false }), frame(CONTINUATION, 'x')]],
    ['that only announces itself', [frame(TEXT, 'x', { length: 2 ** 31 - 1 } satisfies FrameOptions)]],
    ['in a binary frame', [frame(BINARY, 'x'.repeat(maxLength + 1))]],
  ])('closes with 1009 for one byte more %s, with an error that tells', async (_name, frames) => {
    const served = await start({ maxLength });
    const line = (await rawWebSocket(served.port)).send(...frames);
    expect(await line.closeCode()).toBe(1009);
    line.socket.end();
    await until(() => served.primus.connected === 0);
    expect(served.errors).toHaveLength(1);
    expect(served.errors[0]).toMatchObject({
      name: 'LinkError',
      code: 'ERR_PRIMUS_DROPPED',
      cause: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' },
    });
    await alive(served);
  });

  it('counts what comes out of a compressed message', async () => {
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
  it('are an error each, and the connection lives', async () => {
    const served = await start();
    const line = await rawWebSocket(served.port);
    const bad = ['{', '', 'undefined', '"a', '{"a":1,}', 'NaN', '\u0000', `${'['.repeat(10)}`];
    line.send(...bad.map((text) => frame(TEXT, text)), frame(BINARY, Buffer.from([0xff])), frame(TEXT, '"good"'));
    expect((await line.frame()).payload.toString()).toBe('"good"');
    expect(served.errors.map((error) => (error as { code?: string }).code)).toEqual(Array(bad.length + 1).fill('ERR_PRIMUS_DECODE'));
    expect(served.primus.connected).toBe(1);
  });

  it('of 100,000 brackets are one error, quickly', async () => {
    const served = await start();
    const line = await rawWebSocket(served.port);
    const taken = await processorTime(async () => {
      line.send(frame(TEXT, '['.repeat(100_000)), frame(TEXT, '1e999'), frame(TEXT, '"\\ud800"'));
      // JSON has no Infinity: what it read as one is printed as null.
      expect((await line.frame()).payload.toString()).toBe('null');
    });
    expect(taken).toBeLessThan(5_000);
    expect((await line.frame()).payload.toString()).toBe('"\\ud800"');
    expect(served.errors).toHaveLength(1);
  });

  it('with odd keys are plain data', async () => {
    const served = await start();
    const line = await rawWebSocket(served.port);
    const text = '{"__proto__":{"polluted":1},"constructor":1,"hasOwnProperty":2}';
    line.send(frame(TEXT, text));
    expect((await line.frame()).payload.toString()).toBe(text);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('that speak protocol out of turn are not obeyed', async () => {
    const served = await start();
    const line = await rawWebSocket(served.port);
    for (const words of [
      'primus::server::close',
      'primus::ping::1',
      'primus::id::mine',
      'primus::',
      'primus::pong::x',
      'primus::new::thing',
    ]) {
      line.send(frame(TEXT, JSON.stringify(words)));
    }
    line.send(frame(TEXT, '"data"'));
    expect((await line.frame()).payload.toString()).toBe('"data"');
    expect(served.log).toEqual(['connection', 'data "data"']);
    expect(served.errors).toEqual([]);
  });
});

describe('one TCP segment', () => {
  it('with handshake, frames and close is connection, data, disconnection, in this order', async () => {
    const { port, primus, log, errors } = await start();
    const line = (await raw(port)).send(handshake(), frame(TEXT, '1'), frame(TEXT, '{'), frame(TEXT, '2'), frame(CLOSE, closing(1000)));
    await until(() => log.includes('disconnection'));
    await line.answer();
    expect(log).toEqual(['connection', 'data 1', 'data 2', 'end', 'disconnection']);
    expect(errors).toHaveLength(1);
    expect(primus.connected).toBe(0);
    expect(Object.keys(primus.connections)).toEqual([]);
  });

  it('is held whole for an asynchronous connection listener', async () => {
    const { port, primus, log, url } = await start();
    let agree: () => void = () => {};
    primus.on('connection', (_spark, next) => {
      log.push('asked');
      agree = next;
    });
    (await raw(port)).send(handshake(), frame(TEXT, '1'), frame(TEXT, '2'), frame(CLOSE, closing(1000)));
    await until(() => log.includes('asked'));
    // A whole exchange later, the line would have been read further.
    await fetch(`${url}/primus/spec`);
    expect(log).toEqual(['connection', 'asked']);
    agree();
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'asked', 'data 1', 'data 2', 'end', 'disconnection']);
  });

  it('with an invalid frame at its end delivers the valid ones', async () => {
    const { port, log, errors } = await start();
    const line = (await raw(port)).send(handshake(), frame(TEXT, '1'), frame(3, ''));
    await line.answer();
    expect(await line.closeCode()).toBe(1002);
    line.socket.end();
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'data 1', 'end', 'disconnection']);
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
  ])('with %s are refused, and the connection closed', async (_name, text, status) => {
    const served = await start();
    const line = (await raw(served.port)).send(text);
    expect(await line.answer()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await line.rest();
    expect(served.primus.connected).toBe(0);
    await alive(served);
  });

  it('of other paths are refused, and closed though the peer does not hang up', async () => {
    const served = await start();
    for (const [target, status] of [
      ['/primusfoo', 404],
      ['/other', 404],
      ['http://x/primus', 400],
      ['//x/primus', 400],
    ] as const) {
      const line = (await raw(served.port)).send(handshake(target));
      expect(await line.answer(), target).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      await line.rest();
    }
    await alive(served);
  });

  it('with 2,000 headers, or a block of 64 kB, are refused or served, and nothing else happens', async () => {
    const served = await start();
    for (const headers of ['X: y\r\n'.repeat(2_100), `X: ${'y'.repeat(65_536)}\r\n`]) {
      const line = (await raw(served.port)).send(handshake('/primus', headers));
      expect(await line.answer()).toMatch(/^HTTP\/1\.1 (101|4\d\d) /);
      line.socket.destroy();
    }
    await alive(served);
  });

  it('given up by the client leave nothing behind', async () => {
    const served = await start();
    for (let count = 0; count < 20; count++) {
      const line = (await raw(served.port)).send(handshake());
      line.socket.resetAndDestroy();
    }
    await until(
      () => served.log.filter((entry) => entry === 'connection').length === served.log.filter((entry) => entry === 'disconnection').length,
    );
    await alive(served);
    const [spark] = Object.values(served.primus.connections) as [Spark];
    expect(Object.values(served.primus.connections)).toEqual([spark]);
  });
});
