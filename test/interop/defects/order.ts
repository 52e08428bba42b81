import { once } from 'node:events';
import { until } from '../../support/wait.js';
import { type Any, type Defect, pause } from './stage.js';

/** A transformer that takes longer for 1 than for 2. */
const uneven = (packet: { data: unknown }, next: () => void) => setTimeout(next, packet.data === 1 ? 30 : 0);

const late = (_packet: unknown, next: () => void) => setTimeout(next, 30);

export const order: Defect[] = [
  ...(['server', 'client'] as const).flatMap((end) =>
    (['incoming', 'outgoing'] as const).map(
      (direction): Defect => ({
        no: '3',
        name: `an asynchronous ${direction} message transformer of the ${end} keeps the order`,
        async scenario(stage) {
          const { primus, spark, client } = await stage.pair();
          (end === 'server' ? primus : client).transform(direction, uneven);
          const up = (end === 'server') === (direction === 'incoming');
          const [from, to] = up ? [client, spark] : [spark, client];
          const got: unknown[] = [];
          to.on('data', (data: unknown) => got.push(data));
          from.write(1);
          from.write(2);
          await until(() => got.length === 2);
          return got;
        },
        ours: [1, 2],
        original: [2, 1],
      }),
    ),
  ),
  {
    no: '4a',
    name: 'the data of spark.end(data) passes an asynchronous message transformer',
    async scenario(stage) {
      const { primus, spark, client } = await stage.pair();
      primus.transform('outgoing', late);
      const got: unknown[] = [];
      client.on('data', (data: unknown) => got.push(data));
      const ended = once(client, 'end');
      spark.end('farewell');
      await ended;
      await pause(50);
      return got;
    },
    ours: ['farewell'],
    original: [],
  },
  {
    no: '4a′',
    name: 'the data of client.end(data) passes an asynchronous message transformer',
    async scenario(stage) {
      const { spark, client } = await stage.pair();
      client.transform('outgoing', late);
      const got: unknown[] = [];
      spark.on('data', (data: unknown) => got.push(data));
      const ended = once(spark, 'end');
      client.end('farewell');
      await ended;
      // Everything in flight arrives or fails before the stage is closed.
      await pause(50);
      return got;
    },
    ours: ['farewell'],
    original: [],
  },
  {
    no: '4b',
    name: 'messages before a clean close survive an asynchronous connection listener, and no end precedes its connection',
    async scenario(stage) {
      const { primus, port } = await stage.serve();
      const heard: unknown[] = [];
      primus.on('connection', (_spark: Any, next: () => void) => setTimeout(next, 80));
      primus.on('connection', (spark: Any) => {
        heard.push('connection');
        spark.on('data', (data: unknown) => heard.push(data));
      });
      primus.on('disconnection', () => heard.push('disconnection'));
      const socket = await stage.stranger(port);
      socket.send('"hello"');
      socket.close(1000);
      await until(() => heard.includes('connection') && heard.includes('disconnection'));
      return heard;
    },
    ours: ['connection', 'hello', 'disconnection'],
    original: ['disconnection', 'connection'],
  },
  {
    no: '6',
    name: 'a broadcast is encoded once',
    async scenario(stage) {
      let encoded = 0;
      const encoder = (data: unknown, done: (error: unknown, frame: string) => void) => {
        encoded++;
        done(null, JSON.stringify(data));
      };
      const decoder = (frame: string, done: (error: unknown, data: unknown) => void) => done(null, JSON.parse(frame));
      const { primus, port } = await stage.serve({ pingInterval: false, parser: { encoder, decoder } });
      const strangers = await Promise.all([1, 2, 3].map(() => stage.stranger(port)));
      const arrivals = Promise.all(strangers.map((socket) => once(socket, 'message')));
      await until(() => primus.connected === 3);
      primus.write({ to: 'all' });
      const got = (await arrivals).map(([data]) => String(data));
      return { encoded, got: [...new Set(got)] };
    },
    ours: { encoded: 1, got: ['{"to":"all"}'] },
    original: { encoded: 3, got: ['{"to":"all"}'] },
  },
  {
    no: '19',
    name: 'messages written while connecting are sent after `open` was emitted',
    async scenario(stage) {
      const { connect } = await stage.serve();
      const client = connect();
      const emitted: string[] = [];
      for (const event of ['open', 'outgoing::data']) client.on(event, () => emitted.push(event));
      client.write('hello');
      await until(() => emitted.length === 2);
      return emitted;
    },
    ours: ['open', 'outgoing::data'],
    original: ['outgoing::data', 'open'],
  },
];
