import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { BINARY, CONTINUATION, frame, type Raw, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { ask, handshake } from './polling.js';

/** The share of one address is a quarter more than a message. */
const maxLength = 1_000_000;
const share = 1.25 * maxLength;
const options = { maxLength, maxMemory: 8_000_000, pingInterval: false } as const;

const body = 'x'.repeat(900_000);

/** A message that a client sends in two steps. */
interface Message {
  begin(peer: Raw): void;
  finish(peer: Raw): void;
}

const inFrame: Message = {
  begin: (peer) => void peer.send(frame(BINARY, body, { length: 950_000 })),
  // The rest of a masked payload is masked as its beginning.
  finish: (peer) => void peer.send(frame(BINARY, body.slice(0, 50_000)).subarray(8)),
};

/** A string in fragments, in the packet of a framework. */
const inFragments = (start = 'x', end = 'x'): Message => ({
  begin(peer) {
    peer.send(frame(TEXT, start, { fin: false }));
    for (let count = 0; count < 9; count++) peer.send(frame(CONTINUATION, body.slice(0, 100_000), { fin: false }));
  },
  finish: (peer) => void peer.send(frame(CONTINUATION, end)),
});

/** Opens a session and posts all but the end of a body. */
async function post(port: number, open: string, send: (session: string) => string): Promise<Raw> {
  const answer = await (
    await fetch(`http://127.0.0.1:${port}${open}`, open.includes('RID') || open.endsWith('xhr') ? { method: 'POST' } : {})
  ).text();
  const peer = await raw(port);
  return peer.send(`POST ${send(answer)} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 950000\r\n\r\n${body}`);
}

const engine = (text: string): string => `/primus/?EIO=4&transport=polling&sid=${/"sid":"([^"]+)"/.exec(text)?.[1]}`;

describe.each([
  ['websockets', '/primus', inFrame],
  ['websockets', '/primus', inFragments()],
  ['faye', '/primus', inFrame],
  ['faye', '/primus', inFragments()],
  ['engine.io', '/primus/?EIO=4&transport=websocket', inFrame],
  ['engine.io', '/primus/?EIO=4&transport=websocket', inFragments('4')],
  ['sockjs', '/primus/1/a/websocket', inFragments('["', '"]')],
  ['sockjs', '/primus/websocket', inFrame],
] as const)('unfinished messages of one address on %s at %s', (transformer, target, message) => {
  it('wait for each other beyond the share of an address, and are all received when they are finished', async () => {
    const { primus, port, connect } = await serve({ transformer, ...options });
    let arrived = 0;
    const errors: unknown[] = [];
    primus.on('connection', (spark: Spark) => {
      // The messages of the peers are no JSON.
      spark.on('error', ({ code }: Error & { code?: string }) => (code === 'ERR_PRIMUS_DECODE' ? arrived++ : errors.push(code)));
      spark.on('data', (data) => spark.write(data));
    });
    const friend = connect();
    await event(friend, 'open');
    const peers: Raw[] = [];
    for (let count = 0; count < 8; count++) {
      const peer = await rawWebSocket(port, target.replace('/a/', `/a${count}/`));
      peers.push(peer);
      message.begin(peer);
      await until(() => primus.connected === count + 2);
    }
    await until(() => primus.host.memory.total > share);
    friend.write('still there?');
    expect((await event(friend, 'data'))[0]).toBe('still there?');
    // The share, the rest of the first message, and what was on its way of the others.
    expect(primus.host.memory.total).toBeLessThan(share + maxLength + 8 * 200_000);
    for (const peer of peers) message.finish(peer);
    await until(() => arrived === 8);
    expect([errors, primus.connected]).toEqual([[], 9]);
    await until(() => primus.host.memory.total === 0);
  });

  it('become messages again when they are finished', async () => {
    const { primus, port } = await serve({ transformer, ...options, parser: 'binary' });
    const announced = event(primus, 'connection');
    const peer = await rawWebSocket(port, target);
    const [spark] = (await announced) as [Spark];
    spark.on('error', () => {});
    message.begin(peer);
    await until(() => primus.host.memory.total > 800_000);
    message.finish(peer);
    await until(() => primus.host.memory.total === 0);
    expect(primus.host.memory.total).toBe(0);
  });
});

describe.each([
  ['engine.io', '/primus/?EIO=4&transport=polling', engine],
  ['sockjs', '/primus/1/a/xhr', () => '/primus/1/a/xhr_send'],
] as const)('unfinished bodies of one address on %s', (transformer, open, send) => {
  it('wait for each other, and are rejected with 503 when they take too long', async () => {
    const clock = new Clock();
    const { primus, server, port, connect } = await serve({ transformer, ...options, scheduler: clock });
    cleanup(() => {
      const timer = setInterval(() => clock.advance(1_000), 5);
      server.once('close', () => clearInterval(timer));
    });
    primus.on('connection', (spark: Spark) => {
      spark.on('error', () => {});
      spark.on('data', (data) => spark.write(data));
    });
    const friend = connect();
    await event(friend, 'open');
    const peers: Raw[] = [];
    for (let count = 0; count < 6; count++) {
      peers.push(await post(port, open.replace('/a/', `/a${count}/`), (answer) => send(answer).replace('/a/', `/a${count}/`)));
    }
    await until(() => primus.host.memory.total > share);
    const answers: string[] = [];
    for (const peer of peers)
      peer.answer().then(
        (answer) => answers.push(answer.slice(0, 12)),
        () => {},
      );
    clock.advance(10_000);
    await until(() => answers.length === 1);
    expect(answers).toEqual(['HTTP/1.1 503']);
    friend.write('still there?');
    expect((await event(friend, 'data'))[0]).toBe('still there?');
    for (const { socket } of peers) socket.destroy();
    // Those that wait for garbage to be collected are not read, and so not known to have left.
    await until(() => {
      clock.advance(100);
      return primus.host.memory.total === 0;
    });
  });
});

describe('bodies on engine.io whose messages wait for a listener', () => {
  it('end their session when they are shed, and deliver nothing after that', async () => {
    const { primus, port } = await serve({ transformer: 'engine.io', maxLength: 2_000_000, maxMemory: 900_000, pingInterval: false });
    const payload = ['first', 'x'.repeat(400_000), 'last'].map((text) => `4"${text}"`).join('\u001e');
    const received: string[][] = [];
    const accepts: (() => void)[] = [];
    let ended = 0;
    primus.on('connection', (spark: Spark, next: () => void) => {
      const mine: string[] = [];
      received.push(mine);
      spark.on('error', () => {});
      spark.on('data', (data: string) => mine.push(data.slice(0, 5)));
      spark.on('end', () => ended++);
      accepts.push(next);
    });
    const answers: number[] = [];
    for (let count = 1; count <= 3; count++) {
      const { sid } = await handshake(port);
      await until(() => received.length === count);
      ask(port, 'POST', `&sid=${sid}`, payload).then(
        ({ status }) => answers.push(status),
        () => answers.push(0),
      );
      await until(() => primus.host.memory.total > 400_000 * Math.min(count, 2));
    }
    // The one that is shed gets no answer of success.
    await until(() => answers.length === 1);
    expect(answers).toEqual([0]);
    for (const accept of accepts) accept();
    await until(() => answers.length === 3 && ended === 1);
    expect(answers).toEqual([0, 200, 200]);
    expect(received.filter((messages) => messages.includes('last'))).toEqual([
      ['first', 'xxxxx', 'last'],
      ['first', 'xxxxx', 'last'],
    ]);
    expect(received.filter((messages) => !messages.includes('last'))).toHaveLength(1);
    await until(() => primus.host.memory.total === 0);
  });
});
