import { once } from 'node:events';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { until } from '../../support/wait.js';
import { type Any, type Defect, pause, type Stage, upgrade } from './stage.js';

const MEGABYTE = 'x'.repeat(1_000_000);

/** A source of 40 MB, and whether all of it was read. */
function forty() {
  let read = 0;
  const source = new Readable({
    objectMode: true,
    highWaterMark: 1,
    read() {
      this.push(read++ < 40 ? MEGABYTE : null);
    },
  });
  return { source, through: () => read > 40 };
}

/** Records everything a client reports: the arguments of its events, and its state where it has one. */
function recorded(client: Any): () => string {
  const said: unknown[] = [];
  const { emit } = client;
  client.emit = (event: string, ...args: unknown[]) => {
    if (!/^(incoming|outgoing)::/.test(event)) said.push([event, args, client.state]);
    return emit.call(client, event, ...args);
  };
  return () => inspect(said, { depth: 6 });
}

export const connections: Defect[] = [
  {
    no: '7a',
    name: 'the buffer for a slow consumer is bounded',
    async scenario(stage) {
      const { primus, port } = await stage.serve({ maxBuffer: 4_000_000 });
      const announced = once(primus, 'connection');
      const socket = await stage.stranger(port);
      const [spark] = await announced;
      socket.pause();
      (socket as Any)._socket.pause();
      let most = 0;
      for (let written = 0; written < 40 && spark.readyState === 3; written++) {
        spark.write(MEGABYTE);
        most = Math.max(most, spark.socket.bufferedAmount);
        await pause(0);
      }
      return { bounded: most < 20_000_000 };
    },
    ours: { bounded: true },
    original: { bounded: false },
  },
  {
    no: '7b',
    name: 'a source that is piped into a spark waits for a slow client',
    async scenario(stage) {
      const { primus, port } = await stage.serve();
      const announced = once(primus, 'connection');
      const socket = await stage.stranger(port);
      const [spark] = await announced;
      (socket as Any)._socket.pause();
      const { source, through } = forty();
      source.pipe(spark);
      const control = async () => {
        const next = once(primus, 'connection');
        await stage.stranger(port);
        const [reading] = await next;
        const other = forty();
        other.source.pipe(reading);
        await until(other.through);
      };
      return { all: await stage.holds(through, 'original', control) };
    },
    ours: { all: false },
    original: { all: true },
  },
  {
    no: '7c',
    name: 'a client is not read from while an asynchronous connection listener runs',
    async scenario(stage) {
      const { primus, port } = await stage.serve();
      primus.on('connection', (spark: Any, next: () => void) => void (spark.query.prompt && next()));
      const send = async (query = '') => {
        const socket = await stage.stranger(port, { pathname: `/primus${query}` });
        for (let sent = 0; sent < 40; sent++) socket.send(MEGABYTE);
        return () => socket.bufferedAmount === 0;
      };
      const sent = await send();
      return { all: await stage.holds(sent, 'original', async () => until(await send('?prompt=1'))) };
    },
    ours: { all: false },
    original: { all: true },
  },
  {
    no: '7d',
    name: 'a server is not read from while an asynchronous message transformer of the client runs',
    async scenario(stage) {
      const { primus, spark, client, connect } = await stage.pair({ maxBuffer: Number.POSITIVE_INFINITY });
      client.transform('incoming', (_packet: unknown, _never: () => void) => {});
      const send = async (to: Any) => {
        for (let sent = 0; sent < 40; sent++) to.write(MEGABYTE);
        // Messages written in one turn are sent at its end.
        await pause(0);
        return () => to.socket.bufferedAmount === 0;
      };
      const sent = await send(spark);
      const control = async () => {
        const next = once(primus, 'connection');
        connect();
        const [reading] = await next;
        await until(await send(reading));
      };
      return { all: await stage.holds(sent, 'original', control) };
    },
    ours: { all: false },
    original: { all: true },
  },
  {
    no: '7e',
    name: 'a client whose queue is full reports it',
    async scenario(stage) {
      const { connect } = await stage.serve();
      const client = connect({ queueSize: 2, manual: true });
      const errors: unknown[] = [];
      client.on('error', (error: Error) => errors.push(error.message));
      for (const value of [1, 2, 3, 4]) client.write(value);
      return { errors: errors.length, waiting: client.buffer.length };
    },
    ours: { errors: 2, waiting: 2 },
    original: { errors: 0, waiting: 2 },
  },
  {
    no: '8',
    name: 'a server that accepts and closes is not flooded with attempts',
    async scenario(stage) {
      const { primus, connect } = await stage.serve();
      primus.on('connection', (spark: Any) => spark.end(undefined, { reconnect: true }));
      const client = connect({ reconnect: { min: 20, max: 200, factor: 2 } });
      const attempts: number[] = [];
      client.on('reconnect scheduled', ({ attempt }: { attempt: number }) => attempts.push(attempt));
      await until(() => attempts.length === 4);
      return attempts;
    },
    ours: [1, 2, 3, 4],
    original: [1, 1, 1, 1],
  },
  {
    no: '9',
    name: 'open() while open opens nothing',
    async scenario(stage) {
      const { primus, port, client } = await stage.pair();
      let more = 0;
      primus.on('connection', () => more++);
      client.open();
      // What came of it would be there before a later connection.
      await stage.stranger(port);
      await until(() => more > 0);
      await pause(20);
      return { more: more - 1 };
    },
    ours: { more: 0 },
    original: { more: 1 },
  },
  {
    no: '10a',
    name: 'a client learns the code and the reason of a close',
    async scenario(stage) {
      const { spark, client } = await stage.pair({}, { reconnect: { min: 500 } });
      const learnt = recorded(client);
      const closed = once(client, 'close');
      spark.socket.close(4321, 'because');
      await closed;
      return { code: learnt().includes('4321'), reason: learnt().includes('because') };
    },
    ours: { code: true, reason: true },
    original: { code: false, reason: false },
  },
  {
    no: '10b',
    name: 'a client learns the status and the reason of a refusal',
    async scenario(stage) {
      const { connect } = await stage.serve({
        authorization: (_request: unknown, done: (error: unknown) => void) => done({ statusCode: 418, message: 'no tea' }),
      });
      const client = connect();
      const learnt = recorded(client);
      await new Promise((resolve) => client.on('end', resolve));
      return { status: learnt().includes('418'), reason: learnt().includes('no tea') };
    },
    ours: { status: true, reason: true },
    // The status is only in the message of the error from `ws`.
    original: { status: true, reason: false },
  },
  {
    no: '11',
    name: 'a server that is being destroyed accepts no client',
    async scenario(stage) {
      const { primus, port } = await stage.pair();
      primus.destroy({ timeout: 60_000, close: false });
      const socket = await stage.stranger(port);
      return { accepted: socket.readyState === socket.OPEN };
    },
    ours: { accepted: false },
    original: { accepted: true },
  },
  {
    no: '16a',
    name: 'an upgrade on a path without a handler is answered and its socket released',
    scenario: async (stage) => ({ freed: await freed(stage, upgrade('/elsewhere')) }),
    ours: { freed: true },
    original: { freed: false },
  },
  {
    no: '16b',
    name: 'the socket of a rejected upgrade is released, even if the client does not close it',
    scenario: async (stage) => ({ freed: await freed(stage, upgrade(), { authorization: no }) }),
    ours: { freed: true },
    original: { freed: false },
  },
];

function no(_request: unknown, done: (error: unknown) => void): void {
  done(new Error('no'));
}

/** Whether the server has no socket left soon after a request of a client that never closes. */
async function freed(stage: Stage, bytes: string, options: object = {}): Promise<boolean> {
  const { http, port } = await stage.serve(options);
  const socket = await stage.raw(port, bytes, { allowHalfOpen: true } as never);
  socket.resume();
  const open = () => new Promise<number>((resolve) => http.getConnections((_error, count) => resolve(count)));
  let left = 1;
  const counting = setInterval(async () => {
    left = await open();
  }, 10);
  const gone = await stage.holds(
    () => left === 0,
    'ours',
    // Nothing happens any more: the original has no timer that would.
    () => pause(500),
  );
  clearInterval(counting);
  return gone;
}
