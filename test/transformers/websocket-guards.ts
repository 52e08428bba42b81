import { expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { CONTINUATION, frame, handshake, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { event, serve, until } from '../support/serve.js';

/** Malformed handshakes are rejected with a status by transformers whose framework accepts them. */
export function rejectsMalformedHandshakes(transformer: string, more: readonly (readonly [text: string, status: number])[] = []): void {
  it('rejects malformed handshakes', async () => {
    const { port, primus } = await serve({ transformer });
    const good = handshake();
    for (const [text, status] of [
      [good.replace('GET', 'POST'), 405],
      [good.replace('Version: 13', 'Version: 8'), 426],
      [good.replace(/Sec-WebSocket-Version: 13\r\n/, ''), 426],
      [good.replace(/Sec-WebSocket-Key: \S+\r\n/, ''), 400],
      [good.replace(/(Sec-WebSocket-Key: \S+\r\n)/, '$1$1'), 400],
      [good.replace('Upgrade: websocket', 'Upgrade: h2c'), 400],
      ...more,
    ] as const) {
      expect(await (await raw(port)).send(text).answer()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
    expect(primus.connected).toBe(0);
  });
}

/** The parser that sockjs and faye share keeps every part of a message, however small. */
export function refusesEndlessMessages(transformer: string, path = '/primus'): void {
  it('closes a connection that sends fragments without end', async () => {
    const { port, primus } = await serve({ transformer });
    const announced = event(primus, 'connection');
    const { socket } = await rawWebSocket(port, path);
    const [spark] = (await announced) as [Spark];
    const failed = event(spark, 'error');
    const closed = event(socket, 'close');
    const parts = Buffer.concat(Array.from({ length: 10_000 }, () => frame(CONTINUATION, '', { fin: false })));
    socket.write(Buffer.concat([frame(TEXT, 'x', { fin: false }), parts, parts]));
    expect(await failed).toMatchObject([{ closeCode: 1008 }]);
    await until(() => primus.connected === 0);
    await closed;
  });
}
