import { describe, expect, it } from 'vitest';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, until } from '../support/serve.js';
import { type Any, directions, listening, type Make, ours, theirs, threeAttempts } from './original.js';

interface Meeting {
  transformer: string;
  server: Make;
  client: Make;
}

/** A server, and a client that connects to it. */
async function approach(
  { transformer, server, client }: Meeting,
  serverOptions: object = {},
  clientOptions: object = {},
  classOptions: object = serverOptions,
) {
  const { primus, port } = await listening(server, { transformer, ...serverOptions });
  const lab = await startLaboratory(port);
  const Client = client.socket({ transformer, ...classOptions });
  const socket = new Client(`${lab.url}?token=1`, { reconnect: { min: 20, max: 50 }, ...clientOptions });
  cleanup(() => socket.destroy());
  return { primus, socket, lab };
}

/** The same, once the connection is open. */
async function meet(meeting: Meeting, serverOptions: object = {}) {
  const { primus, socket, lab } = await approach(meeting, serverOptions);
  const connection = event(primus, 'connection');
  const opened = event(socket, 'open');
  const [spark] = (await connection) as [Any];
  await opened;
  return { primus, socket, spark, lab };
}

const [overUws] = directions('uws');

// Our client for `uws` is the one for `websockets`, which is tested already.
const all = [...directions('websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel'), overUws as Meeting & { what: string }];

describe.each(all)('8.0.9 over $transformer and JSON: $what', (meeting) => {
  it('opens with the query', async () => {
    const { spark, socket, primus } = await meet(meeting);
    expect(spark.query.token).toBe('1');
    expect(socket.readyState).toBe(3);
    expect(primus.connected).toBe(1);
  });

  it('carries data in both directions, in order', async () => {
    const { spark, socket } = await meet(meeting);
    const values = [1, 'two', { three: [3] }, null, true, 'ü\u2028\u2029😀', ''];
    const there: unknown[] = [];
    const here: unknown[] = [];
    spark.on('data', (data: unknown) => there.push(data));
    socket.on('data', (data: unknown) => here.push(data));
    for (const value of values) {
      socket.write(value);
      spark.write(value);
    }
    await until(() => there.length === values.length && here.length === values.length);
    expect(there).toEqual(values);
    expect(here).toEqual(values);
  });

  // An engine.io client of 8.0.9 reports the id of its session, which is the key to it: our sparks have ids of their own.
  const isKey = meeting.transformer === 'engine.io' && meeting.server === ours;

  it('returns the id of the spark', async () => {
    const { spark, socket } = await meet(meeting);
    const id = await new Promise((resolve) => socket.id(resolve));
    if (isKey) expect(id).toBe(spark.socket.id);
    expect(id === spark.id).toBe(!isKey);
  });

  it('answers heartbeats, and stays connected', async () => {
    const { spark, socket, primus } = await meet(meeting, { pingInterval: 2_000 });
    const pings: unknown[] = [];
    const beats: unknown[] = [];
    socket.on('incoming::ping', (stamp: unknown) => pings.push(stamp));
    spark.on('heartbeat', () => beats.push(1));
    await until(() => pings.length > 0 && beats.length > 0);
    expect(typeof pings[0]).toBe('number');
    expect(primus.connected).toBe(1);
    expect(socket.readyState).toBe(3);
  });

  it('does not reconnect when the server closes', async () => {
    const { spark, socket, primus } = await meet(meeting);
    const attempts: unknown[] = [];
    socket.on('reconnect scheduled', (attempt: unknown) => attempts.push(attempt));
    const [data, end] = [event(socket, 'data'), event(socket, 'end')];
    spark.end({ last: 'words' });
    expect((await data)[0]).toEqual({ last: 'words' });
    await end;
    await until(() => primus.connected === 0);
    await threeAttempts();
    expect(attempts).toEqual([]);
    expect(primus.connected).toBe(0);
  });

  it('reconnects after a lost connection, with the messages written meanwhile', async () => {
    // A polling session ends for the server when it is silent.
    const { socket, primus, spark, lab } = await meet(meeting, { pingInterval: 1_000 });
    const again = event(primus, 'connection');
    const closed = event(socket, 'close');
    const [back, opened] = [event(socket, 'reconnected'), event(socket, 'open')];
    lab.refuse();
    lab.break({ reset: true });
    await closed;
    lab.heal();
    socket.write('written meanwhile');
    const [next] = (await again) as [Any];
    const data = event(next, 'data');
    await back;
    await opened;
    expect((await data)[0]).toBe('written meanwhile');
    expect(next.id).not.toBe(spark.id);
    await until(() => primus.connected === 1);
  });

  it('reconnects when the server requests it', async () => {
    const { socket, spark, primus } = await meet(meeting);
    const again = event(primus, 'connection');
    const opened = event(socket, 'open');
    spark.end(undefined, { reconnect: true });
    await again;
    await opened;
    expect(socket.readyState).toBe(3);
  });

  // A client of 8.0.9 learns it from the options of its class, ours by the rejection as well.
  it.each(meeting.client === ours ? [true, undefined] : [true])(
    'gets the rejection of the server, and does not reconnect: its class has the option authorization %s',
    async (withOption) => {
      let asked = 0;
      const authorization = (_request: unknown, done: (error: unknown) => void) => {
        asked++;
        done({ statusCode: 403, message: 'not you' });
      };
      const { primus, socket } = await approach(meeting, { authorization }, {}, { authorization: withOption });
      let connections = 0;
      primus.on('connection', () => connections++);
      const emitted: string[] = [];
      for (const name of ['open', 'error', 'reconnect scheduled', 'end']) socket.on(name, () => emitted.push(name));
      await until(() => emitted.includes('end'));
      expect(asked).toBeGreaterThan(0);
      const before = asked;
      await threeAttempts();
      expect({ asked, connections, connected: primus.connected }).toEqual({ asked: before, connections: 0, connected: 0 });
      expect(emitted).toEqual(['error', 'end']);
    },
  );

  it('ends when the client does', async () => {
    const { socket, spark } = await meet(meeting);
    const ended = event(spark, 'end');
    socket.end();
    await ended;
    expect(socket.readyState).toBe(2);
  });
});

describe('8.0.9 at our endpoints', () => {
  it('serves the same specification, except for the version', async () => {
    const specs = await Promise.all(
      [ours, theirs].map(async (make) => {
        const { port } = await listening(make, { pathname: '/live', pingInterval: 1234 });
        const url = `http://127.0.0.1:${port}/live/spec`;
        return (await fetch(url)).json() as Promise<{ version: string }>;
      }),
    );
    const [{ version: _ours, ...our }, { version: _theirs, ...their }] = specs as [{ version: string }, { version: string }];
    expect(our).toEqual(their);
  });

  // A polling session has many requests: a client that was accepted can be rejected later.
  it.each([
    ['engine.io', { transport: { transports: ['polling'] } }, ['GET /primus/', 'POST /primus/']],
    ['sockjs', { transport: { transports: ['xhr-polling'] } }, ['GET /primus/info', 'POST /primus/*/xhr', 'POST /primus/*/xhr_send']],
  ])('authorizes every request of a polling session: %s', async (transformer, clientOptions, wanted) => {
    for (const make of [ours, theirs]) {
      const asked: string[] = [];
      let welcome = true;
      const authorization = ({ method, url }: { method: string; url: string }, done: (error?: unknown) => void) => {
        asked.push(`${method} ${url.split('?')[0]?.replace(/\/[^/]+\/[^/]+(?=\/xhr)/, '/*')}`);
        done(welcome ? undefined : new Error('no more'));
      };
      const meeting = { transformer, server: make, client: ours };
      const { primus, socket } = await approach(meeting, { authorization }, { strategy: 'disconnect', ...clientOptions });
      primus.on('connection', (spark: Any) => spark.on('data', (data: unknown) => spark.write(data)));
      socket.write('hello');
      await event(socket, 'data');
      expect([...new Set(asked)].sort()).toEqual(wanted);
      // The connection is lost, and the first attempt to reconnect is the last.
      const [closed, ended] = [event(socket, 'close'), event(socket, 'end')];
      welcome = false;
      socket.write('more');
      await closed;
      await ended;
    }
  });
});
