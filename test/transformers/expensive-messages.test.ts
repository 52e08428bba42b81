import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { processorTime } from '../support/cpu.js';
import { event, serve, until } from '../support/serve.js';

const SIZE = 10_000_000;

/** Messages of nearly `maxLength` that take seconds to parse. */
const FRAMES = {
  'nested lists': `${'['.repeat(SIZE / 2)}${']'.repeat(SIZE / 2)}`,
  '600,000 keys': `{${Array.from({ length: 600_000 }, (_, index) => `"key${index}":{}`).join()}}`.padEnd(SIZE),
};

const TRANSFORMERS = [
  { transformer: 'websockets', transport: {} },
  { transformer: 'engine.io', transport: { transports: ['polling'] } },
  { transformer: 'sockjs', transport: {} },
];

describe.each(TRANSFORMERS)('a server of $transformer with the defaults', ({ transformer, transport }) => {
  it.each(Object.entries(FRAMES))('drops messages of 10 MB with %s that five clients send at once, and serves others', async (_, frame) => {
    const { primus, connect } = await serve({ transformer, transport });
    const errors: unknown[] = [];
    const received: unknown[] = [];
    primus.on('connection', (spark: Spark) => {
      spark.on('error', (error) => errors.push(error));
      spark.on('data', (data) => {
        received.push(data);
        spark.write(data);
      });
    });
    const friend = connect();
    const foes = Array.from({ length: 5 }, () => connect());
    await Promise.all([friend, ...foes].map((client) => event(client, 'open')));
    await until(() => primus.connected === 6);

    const reference = await processorTime(() => JSON.parse(frame));
    const plain = 'x'.repeat(SIZE);
    const send = (message: string) =>
      processorTime(async () => {
        for (const { connection } of foes) connection.link?.send(message);
        await until(() => errors.length + received.length === foes.length);
      });
    const harmful = await send(frame);
    expect(received).toEqual([]);
    expect(errors).toMatchObject(foes.map(() => ({ code: 'ERR_PRIMUS_DECODE', message: expect.stringMatching(/`max(Depth|Values)`/) })));
    errors.length = 0;
    // As long as it takes to carry any message of that length, and not to parse these.
    expect(harmful).toBeLessThan((await send(plain)) * 3 + reference * 2.5);

    const echo = event(friend, 'data');
    friend.write('still there?');
    expect((await echo)[0]).toBe('still there?');
    expect(primus.connected).toBe(6);
  });
});
