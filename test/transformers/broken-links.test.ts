import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import type { Direction } from '../faults/laboratory/laboratory.js';
import { startLaboratory } from '../support/laboratory.js';
import { event, serve, until } from '../support/serve.js';

/** The frameworks with TCP connections, and their transports that behave differently when one breaks. */
const TRANSPORTS: Record<string, ServerOptions> = {
  websockets: { transformer: 'websockets' },
  faye: { transformer: 'faye' },
  uws: { transformer: 'uws' },
  'engine.io, polling': { transformer: 'engine.io', transport: { transports: ['polling'] } },
  'engine.io, websocket': { transformer: 'engine.io', transport: { transports: ['websocket'] } },
  'socket.io': { transformer: 'socket.io' },
  browserchannel: { transformer: 'browserchannel' },
  'sockjs, websocket': { transformer: 'sockjs', transport: { transports: ['websocket'] } },
  'sockjs, xhr-streaming': { transformer: 'sockjs', transport: { transports: ['xhr-streaming'] } },
};

/** A message that takes many TCP segments. */
const LARGE = 'x'.repeat(200_000);

/** The tenths of it after which the connection breaks. */
const TENTHS = [0, 2, 5, 9, 10];

describe.each(Object.entries(TRANSPORTS))('a connection by %s that drops in the middle of a message', (_, options) => {
  it.each<[Direction, 'RST' | 'FIN']>([
    ['toServer', 'RST'],
    ['toServer', 'FIN'],
    ['toClient', 'RST'],
    ['toClient', 'FIN'],
  ])('delivers a message going %s whole or not at all after a break by %s, and later messages in order', async (direction, how) => {
    // Not every framework detects an aborted request; the heartbeat of either end does.
    const { primus, port } = await serve({ ...options, pingInterval: 600 });
    const lab = await startLaboratory(port);
    const client = new primus.Socket(lab.url, {
      reconnect: { min: 5, max: 20, retries: Infinity },
      ...(options.transport && { transport: options.transport }),
    });
    const received: unknown[] = [];
    primus.on('connection', (spark) => spark.on('data', (message: unknown) => direction === 'toServer' && received.push(message)));
    client.on('data', (message: unknown) => direction === 'toClient' && received.push(message));
    const say = (message: unknown) => (direction === 'toServer' ? client.write(message) : primus.write(message));

    let opened = 0;
    client.on('open', () => opened++);
    await until(() => opened === 1 && primus.connected === 1);
    for (const tenth of TENTHS) {
      received.length = 0;
      const before = opened;
      const left = event(primus, 'disconnection');
      say('before');
      await until(() => received.length === 1);
      const broken = lab.breakAfter(direction, Math.max(1, (LARGE.length * tenth) / 10), { reset: how === 'RST' });
      say(LARGE);
      expect(await broken).toBe(true);
      await until(() => opened > before && primus.connected === 1);
      await left;
      say('after');
      await until(() => received.at(-1) === 'after');
      const whole = ['before', LARGE, 'after'];
      expect([whole, ['before', 'after']]).toContainEqual(received);
    }
    client.destroy();
  });
});
