import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Spark } from '../../src/index.js';
import { CLOSE, frame, handshake, TEXT } from '../server/raw.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { contract } from './contract.js';
import { missing } from './missing.js';
import { refusesEndlessMessages, rejectsMalformedHandshakes } from './websocket-guards.js';

missing('faye', 'faye-websocket');

contract({ transformer: 'faye' });

describe('over permessage-deflate', () => {
  contract({ transformer: 'faye', options: () => ({ compression: true }) });
});

const transformer = 'faye';

const { Client } = createRequire(import.meta.url)('faye-websocket') as {
  Client: new (url: string) => { send(data: string): void; close(): void };
};

/** A client of ws, open. */
async function dial(url: string, options: object = {}): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/primus`, options);
  cleanup(() => socket.terminate());
  await event(socket, 'open');
  return socket;
}

describe('faye', () => {
  it('serves unmodified clients of other libraries', async () => {
    const { primus, url } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    const ws = await dial(url);
    ws.send('"hello"');
    expect(String((await event(ws, 'message'))[0])).toBe('["hello"]');
    const faye = new Client(`${url.replace('http', 'ws')}/primus`);
    cleanup(() => faye.close());
    await event(faye, 'open');
    faye.send('"hello"');
    expect((await event(faye, 'message'))[0]).toMatchObject({ data: '["hello"]' });
  });

  it('compresses when both ends agree, and never inflates beyond maxLength', async () => {
    const { primus, url } = await serve({ transformer, compression: true, maxLength: 100_000 });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const ws = await dial(url, { perMessageDeflate: { threshold: 0, serverMaxWindowBits: 10 } });
    expect(ws.extensions).toContain('permessage-deflate');
    const text = JSON.stringify('x'.repeat(90_000));
    for (let round = 0; round < 3; round++) {
      const { bytesRead } = (ws as unknown as { _socket: { bytesRead: number } })._socket;
      ws.send(text);
      expect(String((await event(ws, 'message'))[0])).toBe(text);
      expect((ws as unknown as { _socket: { bytesRead: number } })._socket.bytesRead - bytesRead).toBeLessThan(1_000);
    }
    const [spark] = Object.values(primus.connections) as [Spark];
    const failed = event(spark, 'error');
    ws.send(JSON.stringify('x'.repeat(50_000_000)));
    expect(await failed).toMatchObject([{ closeCode: 1009 }]);
  });

  it('does not compress for a client that does not offer it', async () => {
    const { url } = await serve({ transformer, compression: true });
    expect((await dial(url, { perMessageDeflate: false })).extensions).toBe('');
  });

  refusesEndlessMessages(transformer);

  it('passes transport options on', async () => {
    const { url } = await serve({ transformer, transport: { protocols: ['a', 'b'], headers: { 'X-Answer': '42' } } });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus`, ['b', 'c']);
    cleanup(() => socket.terminate());
    const [response] = await event(socket, 'upgrade');
    expect((response as { headers: object }).headers).toMatchObject({ 'x-answer': '42', 'sec-websocket-protocol': 'b' });
  });

  rejectsMalformedHandshakes(transformer, [
    // A draft that was never one.
    ['GET /primus HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nOrigin: x\r\n\r\n', 400],
  ]);

  it('delivers frames sent along with the handshake in order', async () => {
    const { port, primus } = await serve({ transformer });
    const seen: string[] = [];
    primus.on('connection', (spark) => {
      seen.push('connection');
      spark.on('data', (data) => seen.push(`data ${data}`));
    });
    primus.on('disconnection', () => seen.push('disconnection'));
    const bytes = Buffer.concat([Buffer.from(handshake()), frame(TEXT, '1'), frame(TEXT, '2'), frame(CLOSE, Buffer.from([3, 232]))]);
    await answerTo(port, bytes);
    await until(() => seen.includes('disconnection'));
    expect(seen).toEqual(['connection', 'data 1', 'data 2', 'disconnection']);
  });

  it('terminates a client that does not answer its close', async () => {
    const scheduler = new Clock();
    const { port, primus, url } = await serve({ transformer, scheduler });
    const socket = createConnection(port, '127.0.0.1', () => socket.write(handshake()));
    cleanup(() => socket.destroy());
    let closed = false;
    socket.on('data', () => {}).on('close', () => (closed = true));
    const [spark] = (await event(primus, 'connection')) as [Spark];
    spark.end();
    scheduler.advance(1_999);
    // By the time another has come and gone, the end of this one would have arrived.
    expect((await fetch(`${url}/primus`)).status).toBe(426);
    expect(closed).toBe(false);
    scheduler.advance(1);
    await until(() => closed);
  });
});

/** Sends bytes, and returns the first bytes of the answer. */
function answerTo(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(bytes));
    cleanup(() => socket.destroy());
    socket.once('data', (data) => resolve(data.toString()));
    socket.once('error', reject);
    socket.once('close', () => resolve(''));
  });
}
