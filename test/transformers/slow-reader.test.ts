import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { DIALECTS, POLLING, requestText } from '../faults/wire/dialects.js';
import { frame, handshake, TEXT } from '../faults/wire/websocket.js';
import { cleanup, event, serve, until } from '../support/serve.js';

const READERS = 10;

/** The messages of the broadcast, of which a server that buffers without limit would keep ten times as much. */
const SIZE = 10_000;
const COUNT = 6_000;

/** Generous: what the client of the same process takes is in it. */
const LIMIT = 300_000_000;

/** Opens a socket, sends text, and waits for an answer that matches. */
async function converse(port: number, text: string, answer: RegExp): Promise<[Socket, string]> {
  const socket = connect(port, '127.0.0.1');
  cleanup(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(text);
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  await until(() => answer.test(received));
  return [socket, received];
}

/** A WebSocket that is not read. */
async function unreadWebSocket(transformer: string, port: number): Promise<void> {
  const dialect = DIALECTS[transformer];
  const [socket] = await converse(port, handshake(dialect?.target('') ?? ''), /\r\n\r\n/);
  for (const text of dialect?.greeting ?? []) socket.write(frame(TEXT, text));
  socket.pause();
}

/** A session over requests, whose poll is not read. */
async function unreadPoll(transformer: string, port: number): Promise<void> {
  const polling = POLLING[transformer];
  if (polling === undefined) throw new Error(`${transformer} has no sessions over requests`);
  const opening = polling.open('');
  const [opener, answer] = await converse(port, requestText(opening), /\r\n\r\n[\s\S]+(?:\n|\}|\])/);
  const session = polling.session(answer, opening) ?? 'none';
  // A client of Socket.IO joins the namespace.
  if (transformer === 'socket.io') opener.write(requestText(polling.send(session, [], 1)));
  const poll = connect(port, '127.0.0.1');
  cleanup(() => poll.destroy());
  poll.on('error', () => {});
  poll.pause();
  poll.write(requestText(polling.poll(session)));
}

describe.each([
  ...Object.keys(DIALECTS).map((transformer) => [transformer, 'WebSockets', unreadWebSocket] as const),
  ...Object.keys(POLLING).map((transformer) => [transformer, 'requests', unreadPoll] as const),
])('slow readers of %s by %s', (transformer, _, open) => {
  it('are terminated under a broadcast, which takes little memory and reaches the others', async () => {
    const { primus, port, connect } = await serve({ transformer, pingInterval: false });
    const reasons: unknown[] = [];
    primus.on('connection', (spark: Spark) => spark.on('error', (error: Error & { code?: string }) => reasons.push(error.code)));
    const client = connect();
    let received = 0;
    client.on('data', () => received++);
    await event(client, 'open');
    for (let count = 0; count < READERS; count++) await open(transformer, port);
    await until(() => primus.connected === READERS + 1);
    const before = process.memoryUsage.rss();
    let peak = 0;
    for (let sent = 0; sent < COUNT; sent++) {
      primus.write('x'.repeat(SIZE));
      if (sent % 20 > 0) continue;
      peak = Math.max(peak, process.memoryUsage.rss());
      // Continues only when the client of this process has received what was sent before.
      await until(() => received > sent - 40);
    }
    await until(() => received === COUNT && primus.connected === 1);
    expect(reasons).toEqual(new Array(READERS).fill('ERR_PRIMUS_SLOW_PEER'));
    expect(peak - before).toBeLessThan(LIMIT);
  });
});
