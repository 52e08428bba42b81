import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { BINARY, CONTINUATION, frame, type Raw, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { event, serve, until } from '../support/serve.js';

/** The share of one address is two messages. */
const maxLength = 1_000_000;
const options = { maxLength, maxMemory: 8_000_000, pingInterval: false } as const;

const body = 'x'.repeat(900_000);

/** Sends all but the end of a message. */
type Begin = (peer: Raw) => void;

const unfinishedFrame: Begin = (peer) => void peer.send(frame(BINARY, body, { length: 950_000 }));
const unfinishedMessage: Begin = (peer) => {
  peer.send(frame(TEXT, 'x', { fin: false }));
  for (let count = 0; count < 9; count++) peer.send(frame(CONTINUATION, body.slice(0, 100_000), { fin: false }));
};

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
  ['websockets', '/primus', unfinishedFrame],
  ['websockets', '/primus', unfinishedMessage],
  ['faye', '/primus', unfinishedFrame],
  ['faye', '/primus', unfinishedMessage],
  ['engine.io', '/primus/?EIO=4&transport=websocket', unfinishedFrame],
  ['engine.io', '/primus/?EIO=4&transport=websocket', unfinishedMessage],
  ['sockjs', '/primus/1/a/websocket', unfinishedMessage],
  ['sockjs', '/primus/websocket', unfinishedFrame],
] as const)('unfinished messages of one address on %s at %s', (transformer, target, begin) => {
  it('end the connections that have the most, beyond the share of an address', async () => {
    const { primus, port, connect } = await serve({ transformer, ...options });
    const errors: string[] = [];
    primus.on('connection', (spark: Spark) => {
      spark.on('error', (error) => errors.push((error as Error & { code: string }).code));
      spark.on('data', (data) => spark.write(data));
    });
    const friend = connect();
    await event(friend, 'open');
    for (let count = 0; count < 8; count++) {
      begin(await rawWebSocket(port, target.replace('/a/', `/a${count}/`)));
      await until(() => primus.connected + errors.length === count + 2);
    }
    await until(() => errors.length >= 6);
    await until(() => primus.host.memory.total <= 2 * maxLength + 65_536);
    expect(new Set(errors)).toEqual(new Set(['ERR_PRIMUS_MEMORY']));
    friend.write('still there?');
    expect((await event(friend, 'data'))[0]).toBe('still there?');
    expect(primus.connected).toBe(3);
  });

  it('become messages again when they are finished', async () => {
    const { primus, port } = await serve({ transformer, ...options, parser: 'binary' });
    const announced = event(primus, 'connection');
    const peer = await rawWebSocket(port, target);
    const [spark] = (await announced) as [Spark];
    spark.on('error', () => {});
    begin(peer);
    await until(() => primus.host.memory.total > 800_000);
    if (begin === unfinishedFrame) {
      peer.socket.destroy();
      await until(() => primus.connected === 0);
    } else peer.send(frame(CONTINUATION, 'x'));
    await until(() => primus.host.memory.total === 0);
    expect(primus.host.memory.total).toBe(0);
  });
});

describe.each([
  ['engine.io', '/primus/?EIO=4&transport=polling', engine],
  ['sockjs', '/primus/1/a/xhr', () => '/primus/1/a/xhr_send'],
] as const)('unfinished bodies of one address on %s', (transformer, open, send) => {
  it('are rejected with 503, the longest first', async () => {
    const { primus, port, connect } = await serve({ transformer, ...options });
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
    const answers: string[] = [];
    for (const peer of peers)
      peer.answer().then(
        (answer) => answers.push(answer.slice(0, 12)),
        () => {},
      );
    await until(() => answers.length === 4);
    expect(answers).toEqual(Array(4).fill('HTTP/1.1 503'));
    await until(() => primus.host.memory.total <= 2 * maxLength);
    friend.write('still there?');
    expect((await event(friend, 'data'))[0]).toBe('still there?');
    for (const { socket } of peers) socket.destroy();
    await until(() => primus.host.memory.total === 0);
  });
});
