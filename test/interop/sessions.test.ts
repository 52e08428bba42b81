import { describe, expect, it } from 'vitest';
import { cleanup, event, until } from '../support/serve.js';
import { type Any, directions, listening, ours } from './original.js';

const frameworks = ['websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel'];

describe.each(directions(...frameworks))('sessions over $transformer, $what', ({ transformer, server, client }) => {
  it('are not used, and users see nothing of them, also after a lost connection', async () => {
    const isOurs = server === ours;
    const { primus, port } = await listening(server, { transformer, ...(isOurs && { resume: true }) });
    /** The messages and events that are not expected. */
    const seen: unknown[] = [];
    const received = new Set<unknown>();
    const queries: Any[] = [];
    primus.on('connection', (spark: Any) => {
      queries.push(spark.query);
      spark.on('data', (data: unknown) => received.add(data));
      spark.on('data', (data: unknown) => (/^(up|many) \d+$/.test(`${data}`) ? undefined : seen.push(data)));
      spark.on('error', (error: unknown) => seen.push(error));
      spark.write('welcome');
    });
    const Client = client.socket({ transformer });
    const socket = new Client(`http://127.0.0.1:${port}`, {
      reconnect: { min: 20, max: 50, retries: 1_000 },
      ...(!isOurs && { resume: true }),
    });
    cleanup(() => socket.destroy());
    const outcomes: Any[] = [];
    socket.resume$?.subscribe((outcome: Any) => outcomes.push(outcome));
    const welcomes: unknown[] = [];
    socket.on('data', (data: unknown) => welcomes.push(data));
    // The client of 8.0.9 reports a lost connection as an error.
    socket.on('error', (error: unknown) => isOurs || seen.push(error));
    for (let connection = 1; connection <= 3; connection++) {
      await until(() => welcomes.length === connection);
      socket.write(`up ${connection}`);
      await until(() => received.has(`up ${connection}`));
      // More than are acknowledged at once.
      for (let count = 0; count < 100; count++) socket.write(`many ${count + 100 * connection}`);
      await until(() => received.has(`many ${99 + 100 * connection}`));
      if (connection === 3) break;
      const closed = event(socket, 'close');
      // By the end that is ours.
      if (isOurs) primus.forEach((spark: Any) => void spark.connection.link.destroy());
      else socket.connection.link.destroy();
      await closed;
    }
    expect(welcomes).toEqual(['welcome', 'welcome', 'welcome']);
    expect(seen).toEqual([]);
    if (isOurs) expect(queries.every(({ _primus_session: asked }) => asked === undefined)).toBe(true);
    else expect(outcomes.map(({ type, reason }) => `${type} ${reason}`)).toEqual(Array(3).fill('gap unsupported'));
    const gone = event(primus, 'disconnection');
    socket.end();
    await gone;
    expect(seen).toEqual([]);
  });
});
