import { describe, expect, it } from 'vitest';
import type { Primus, Spark } from '../../src/index.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { CLOSE, frame, rawWebSocket, TEXT } from './raw.js';

/** A server whose time stands still, with a log of its warnings. */
async function start(maxMessageRate: number) {
  const clock = new Clock();
  const served = await serve({ maxMessageRate, pingInterval: false, scheduler: clock });
  cleanup(() => {
    // The destruction of the server waits in virtual time.
    const timer = setInterval(() => clock.advance(1_000), 5);
    served.server.once('close', () => clearInterval(timer));
  });
  const warnings: string[] = [];
  served.primus.on('log', (level, message) => level === 'warning' && warnings.push(String(message)));
  const connected = event(served.primus, 'connection');
  const peer = await rawWebSocket(served.port);
  const [spark] = (await connected) as [Spark];
  const received: unknown[] = [];
  const errors: unknown[] = [];
  spark.on('data', (data) => received.push(data));
  spark.on('error', (error) => errors.push(error));
  const send = (count: number) => void peer.send(...Array.from({ length: count }, () => frame(TEXT, '"x"')));
  return { ...served, clock, warnings, peer, spark, received, errors, send };
}

const isOpen = (primus: Primus) => primus.connected === 1;

describe('the rate limit', () => {
  it('closes a connection that sends more with 1008, after a warning', async () => {
    const { primus, warnings, peer, received, errors, send } = await start(10);
    send(10);
    await until(() => received.length === 10);
    expect(warnings).toEqual([]);
    send(10);
    await until(() => received.length === 20);
    expect(warnings).toEqual([expect.stringMatching(/sends more than 10 messages a second \(`maxMessageRate`\)$/)]);
    send(3);
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_RATE', closeCode: 1008, reason: 'Too many messages' }]);
    expect(isOpen(primus)).toBe(false);
    expect(received).toHaveLength(20);
    const { opcode, payload } = await peer.frame();
    expect([opcode, payload.readUInt16BE(), payload.subarray(2).toString()]).toEqual([CLOSE, 1008, 'Too many messages']);
  });

  it('gives the messages of a second back in each second', async () => {
    const { primus, clock, warnings, received, send } = await start(10);
    for (let second = 1; second <= 30; second++) {
      send(10);
      await until(() => received.length === second * 10);
      clock.advance(1_000);
    }
    expect([warnings, isOpen(primus)]).toEqual([[], true]);
  });

  it('counts messages of the protocol', async () => {
    const { primus, peer } = await start(10);
    peer.send(...Array.from({ length: 21 }, () => frame(TEXT, '"primus::id::"')));
    expect(await peer.closeCode()).toBe(1008);
    await until(() => !isOpen(primus));
  });

  it('warns again after a connection was quiet', async () => {
    const { clock, warnings, received, send } = await start(10);
    for (let round = 1; round <= 2; round++) {
      send(12);
      await until(() => received.length === round * 12);
      clock.advance(60_000);
    }
    expect(warnings).toHaveLength(2);
  });
});
