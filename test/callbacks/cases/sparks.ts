import { PassThrough, Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import type { Primus, Spark } from '../../../src/index.js';
import type { Bed } from '../bed.js';
import { type Case, subscribers } from '../case.js';
import { failing } from '../failures.js';

type Client = InstanceType<Primus['Socket']>;

const EVENTS = [
  'data',
  'error',
  'end',
  'heartbeat',
  'readyStateChange',
  'drain',
  'pipe',
  'unpipe',
  'incoming::data',
  'incoming::pong',
  'outgoing::data',
  'outgoing::ping',
  'incoming::end',
  'outgoing::end',
] as const;

/** Makes a spark emit every event: those that a stream causes, `drain`, `pipe` and `unpipe`, as Node.js emits them. */
async function live(bed: Bed, { spark, client }: { spark: Spark; client: Client }): Promise<void> {
  const source = new PassThrough({ objectMode: true });
  bed.call(() => source.pipe(spark as never));
  bed.call(() => source.unpipe(spark as never));
  bed.call(() => spark.emit('drain'));
  client.write('hello');
  bed.call(() => spark.heartbeat());
  bed.call(() => spark.write(1n as never));
  await bed.echo();
  await bed.echo();
  client.end();
  await bed.echo();
}

/** A spark that lives while a function fails on it. */
function living(
  place: string,
  name: string | undefined,
  prepare: (spark: Spark, fail: () => unknown) => unknown,
  more: Partial<Case> = {},
): Case {
  return {
    place,
    ...(name !== undefined && { name }),
    run: async (bed, failure) => {
      const { client, spark } = await bed.connect();
      bed.call(() => prepare(spark as Spark, failing(failure)));
      await live(bed, { spark: spark as Spark, client });
    },
    ...more,
  };
}

const STREAMS = ['data$', 'error$', 'heartbeat$', 'state$', 'end$'] as const;

/** The methods of a target that a spark is piped into. */
const TARGET = ['write', 'end', 'on', 'once', 'emit', 'removeListener'] as const;

/** A writable stream that fails, and has no listener for it. */
function broken(fail: () => unknown): PassThrough {
  const call = (_chunk: unknown, _encoding: unknown, done: (error?: Error) => void) => void (fail as (done: unknown) => void)(done);
  return Object.assign(new PassThrough({ objectMode: true }), { _transform: call });
}

export const sparks: readonly Case[] = [
  ...EVENTS.map((event) => living(`spark.on('${event}')`, undefined, (spark, fail) => spark.on(event, fail))),
  ...(['newListener', 'removeListener'] as const).map((event) =>
    living(
      `spark.on('${event}')`,
      undefined,
      (spark, fail) => {
        spark.on('data', () => {}).on(event as never, fail);
        spark.data$.subscribe();
        spark.duplex();
      },
      { beyond: [/calls back|answers/, 'its function is the listener of another event'] },
    ),
  ),
  ...STREAMS.flatMap((name) =>
    subscribers(`spark.${name}`, async (bed, to) => {
      const { client, spark } = await bed.connect();
      to((spark as Spark)[name] as Observable<unknown>);
      await live(bed, { spark: spark as Spark, client });
    }),
  ),
  ...subscribers('spark.resume$', async (bed, to) => {
    const { client, spark } = await bed.connect({ strategy: ['disconnect'], reconnect: { min: 1, max: 2 } });
    const { connection, resume$ } = spark as Spark;
    to(resume$);
    const opened = new Promise<void>((resolve) => client.once('open', () => resolve()));
    connection.link?.destroy();
    await opened;
    await live(bed, { spark: spark as Spark, client });
  }).map((one) => ({ ...one, options: () => ({ resume: true }) })),
  ...TARGET.map((method) =>
    living(
      `PipeTarget.${method}`,
      undefined,
      (spark, fail) => {
        const target = Object.fromEntries(TARGET.map((name) => [name, () => {}]));
        spark.pipe({ ...target, [method]: fail } as never);
      },
      method === 'write' || method === 'end'
        ? {}
        : { beyond: [/rejects|after an await|calls back|answers/, 'an emitter answers at once, and its function is a listener'] },
    ),
  ),
  living('spark.emits(parser)', undefined, (spark, fail) => spark.emits('evil', fail as never)(1)),
  living(
    'spark.duplex()',
    'read by a stream that fails',
    (spark, fail) =>
      spark
        .duplex()
        .pipe(broken(fail))
        .on('error', () => {}),
    {
      beyond: [/rejects|after an await|calls back later/, 'Node.js ignores what a stream returns'],
    },
  ),
  living(
    'spark.duplex()',
    'written by a stream that fails',
    (spark, fail) =>
      Readable.from({ [Symbol.asyncIterator]: fail as never })
        .on('error', () => {})
        .pipe(spark.duplex()),
    {
      beyond: [/rejects|after an await|calls back later/, 'Node.js ignores what a stream returns'],
    },
  ),
];
