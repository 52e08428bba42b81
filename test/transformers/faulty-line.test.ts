import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { type Cut, type Direction, faultyLine } from '../support/faulty-line.js';
import { event, serve, until } from '../support/serve.js';

/** The frameworks that have a line to cut, and the transports that behave differently when it breaks. */
const LINES: Record<string, ServerOptions> = {
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

/** A message that takes many segments of the line. */
const LARGE = 'x'.repeat(200_000);

/** At which tenths of it the line breaks. */
const TENTHS = [0, 2, 5, 9, 10];

describe.each(Object.entries(LINES))('a connection by %s that drops in the middle of a message', (_, options) => {
  it.each<[Direction, Cut]>([
    ['up', 'reset'],
    ['up', 'end'],
    ['down', 'reset'],
    ['down', 'end'],
  ])('delivers a message going %s whole or not at all after a drop by %s, and later messages in order', async (direction, how) => {
    // Not every framework detects an aborted request; the heartbeat of either end does.
    const { primus, port } = await serve({ ...options, pingInterval: 600 });
    const line = await faultyLine(port);
    const client = new primus.Socket(`http://127.0.0.1:${line.port}`, {
      reconnect: { min: 5, max: 20, retries: Infinity },
      ...(options.transport && { transport: options.transport }),
    });
    const received: unknown[] = [];
    primus.on('connection', (spark) => spark.on('data', (message: unknown) => direction === 'up' && received.push(message)));
    client.on('data', (message: unknown) => direction === 'down' && received.push(message));
    const say = (message: unknown) => (direction === 'up' ? client.write(message) : primus.write(message));

    let opened = 0;
    client.on('open', () => opened++);
    await until(() => opened === 1 && primus.connected === 1);
    for (const [index, tenth] of TENTHS.entries()) {
      received.length = 0;
      const before = opened;
      const left = event(primus, 'disconnection');
      say('before');
      await until(() => received.length === 1);
      line.cut(how, direction, Math.max(1, (LARGE.length * tenth) / 10));
      say(LARGE);
      await until(() => line.cuts === index + 1 && opened > before && primus.connected === 1);
      await left;
      say('after');
      await until(() => received.at(-1) === 'after');
      const whole = ['before', LARGE, 'after'];
      expect([whole, ['before', 'after']]).toContainEqual(received);
    }
    expect(line.cuts).toBe(TENTHS.length);
    client.destroy();
  });
});
