import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { CONTINUATION, frame, PING, type Raw, rawWebSocket, TEXT } from '../server/raw.js';
import { event, LIMIT, serve, until } from '../support/serve.js';

const many = (part: Buffer) => Buffer.concat(Array.from({ length: 1_000 }, () => part));

/** Writes a load again and again until the server has had enough, or for that many ms. */
async function flood({ socket }: Raw, load: Buffer, within = LIMIT): Promise<void> {
  const signal = AbortSignal.timeout(within);
  while (!signal.aborted && socket.writable) {
    if (socket.write(load)) await new Promise((resolve) => setImmediate(resolve));
    else await once(socket, 'drain', { signal }).catch(() => {});
  }
}

describe.each(['websockets', 'faye', 'uws'])('a server of %s', (transformer) => {
  /** A server that echoes, one peer that means harm and one that does not. */
  async function scene() {
    const { primus, port, connect } = await serve({ transformer, maxLength: 1_000_000 });
    const errors: unknown[] = [];
    primus.on('connection', (spark: Spark) => {
      spark.on('error', (error) => errors.push(error));
      spark.on('data', (message: unknown) => spark.write(message));
    });
    const friend = connect();
    await event(friend, 'open');
    const foe = await rawWebSocket(port);
    await until(() => primus.connected === 2);
    const served = async () => {
      friend.write('still there?');
      expect(await event(friend, 'data')).toEqual(['still there?', expect.anything()]);
    };
    return { primus, errors, foe, served };
  }

  // uws has no limit for parts, and keeps nothing of one that is empty.
  it.skipIf(transformer === 'uws')('closes a connection that sends fragments without end', async () => {
    const { primus, foe, served, errors } = await scene();
    foe.send(frame(TEXT, 'x', { fin: false }));
    await flood(foe, many(frame(CONTINUATION, '', { fin: false })));
    await until(() => primus.connected === 1);
    expect(errors).toHaveLength(1);
    await served();
  });

  it.each([
    ['pings', frame(PING, 'x'.repeat(125))],
    ['questions for its id', frame(TEXT, '"primus::id::"')],
  ])('buffers little for a peer that sends %s and does not read', async (_, part) => {
    const { primus, foe, served } = await scene();
    foe.socket.pause();
    const before = process.memoryUsage.rss();
    // The server reads no more soon, and from then on there is nothing to wait for.
    await flood(foe, many(part), 1_000);
    await served();
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
    foe.socket.destroy();
    await until(() => primus.connected === 1);
  });

  it('rejects one message of 400,000 brackets without delay', async () => {
    const { errors, foe, served } = await scene();
    foe.send(frame(TEXT, '['.repeat(200_000)));
    await served();
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_DECODE' }]);
    foe.send(frame(TEXT, `${'['.repeat(200_000)}${']'.repeat(200_000)}`));
    await served();
  });
});
