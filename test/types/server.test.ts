import { createServer, type IncomingMessage } from 'node:http';
import type { Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import PrimusByDefault, {
  type Address,
  type DestroyOptions,
  type Frame,
  type LogEntry,
  Primus,
  type PrimusEvents,
  type ServerOptions,
  Spark,
  type SparkEvents,
  type SparkState,
} from '../../src/index.js';
import { anything } from './anything.js';

type Question = { ask: string };
type Answer = { say: string };

// What is tested is what compiles.
const primus: Primus<Question, Answer> = anything;
const spark: Spark<Question, Answer> = anything;

declare module '../../src/index.js' {
  interface SparkEvents<In> {
    /** As a plug-in would add it. */
    'test joined': [room: string, by: In];
  }
}

describe('Primus<In, Out>', () => {
  it('is the default export and the named one', () => {
    expectTypeOf(PrimusByDefault).toEqualTypeOf(Primus);
    expectTypeOf(Primus.Spark).toEqualTypeOf(Spark);
    expectTypeOf<Parameters<Primus['write']>[0]>().toBeAny();
  });

  it('takes options for its client library, before a callback', () => {
    const library: Primus['library'] = anything;
    const save: Primus['save'] = anything;
    expectTypeOf(library).toBeCallableWith({ minify: true });
    expectTypeOf(save).toBeCallableWith('primus.js', { minify: true }, (error: Error | null) => void error);
    expectTypeOf(save).toBeCallableWith('primus.js', (error: Error | null) => void error);
    // @ts-expect-error a misspelt option
    library({ minified: true });
    // @ts-expect-error neither true nor false
    library({ minify: 'yes' });
  });

  it('takes a server and options, and nothing else', () => {
    expectTypeOf(Primus).toBeConstructibleWith(createServer());
    expectTypeOf(Primus).toBeConstructibleWith(createServer(), { pathname: '/x', pingInterval: '2 s', maxLength: 1, anyPlugin: {} });
    // @ts-expect-error A server is needed.
    () => new Primus();
    // @ts-expect-error A port is none.
    () => new Primus(8080);
    // @ts-expect-error A pathname is a string.
    () => new Primus(createServer(), { pathname: 42 });
    // @ts-expect-error A pingInterval that is off is false.
    () => new Primus(createServer(), { pingInterval: true });
    // @ts-expect-error A transformer is a name, or has a server and a client.
    () => new Primus(createServer(), { transformer: { name: 'x' } });
    // @ts-expect-error A parser is a name, or has an encoder and a decoder.
    () => new Primus(createServer(), { parser: { encoder() {} } });
    expectTypeOf<ServerOptions['idGenerator']>().toEqualTypeOf<(() => string) | undefined>();
  });

  it('types what it sends and receives', () => {
    expectTypeOf(primus.write).parameters.toEqualTypeOf<[Answer]>();
    expectTypeOf(primus.connection$).toEqualTypeOf<Observable<Spark<Question, Answer>>>();
    expectTypeOf(primus.disconnection$).toEqualTypeOf<Observable<Spark<Question, Answer>>>();
    expectTypeOf(primus.log$).toEqualTypeOf<Observable<LogEntry>>();
    expectTypeOf(primus.close$).toEqualTypeOf<Observable<DestroyOptions>>();
    expectTypeOf(primus.spark('id')).toEqualTypeOf<Spark<Question, Answer> | undefined>();
    expectTypeOf(primus.connected).toEqualTypeOf<number>();
    // @ts-expect-error Questions come in; they do not go out.
    () => primus.write({ ask: 'x' });
    // @ts-expect-error `connected` is read-only.
    primus.connected = 1;
  });

  it('types its events', () => {
    expectTypeOf<keyof PrimusEvents>().toEqualTypeOf<
      'connection' | 'disconnection' | 'initialised' | 'close' | 'log' | Extract<keyof PrimusEvents, `plug${string}`>
    >();
    () => {
      primus.on('connection', (one, next) => {
        expectTypeOf(one).toEqualTypeOf<Spark<Question, Answer>>();
        expectTypeOf(next).toEqualTypeOf<(error?: unknown) => void>();
      });
      primus.once('disconnection', (one) => expectTypeOf(one).toEqualTypeOf<Spark<Question, Answer>>());
      primus.on('connection', async (one) => void one.write({ say: 'hello' }));
      expectTypeOf(primus.on('close', () => {})).toEqualTypeOf<typeof primus>();
      // @ts-expect-error There is no such event.
      primus.on('conection', () => {});
      // @ts-expect-error There is no such event.
      primus.emit('nothing');
      // @ts-expect-error A connection is a spark, not its id.
      primus.on('connection', (id: string) => id);
      // @ts-expect-error The level of a log entry is a string.
      primus.emit('log', 42);
    };
  });

  it('iterates in both documented ways', () => {
    () => {
      primus.forEach((one, id, connections) => {
        expectTypeOf(one).toEqualTypeOf<Spark<Question, Answer>>();
        expectTypeOf(id).toEqualTypeOf<string>();
        expectTypeOf(connections).toEqualTypeOf<{ [id: string]: Spark<Question, Answer> }>();
      });
      const ask = (_one: Spark, next: (error?: unknown, go?: boolean) => void) => next(null, false);
      primus.forEach(ask, (error) => expectTypeOf(error).toEqualTypeOf<Error | null | undefined>());
      // @ts-expect-error An iteratee is required.
      primus.forEach();
    };
  });

  it('takes message transformers and middleware of the documented shapes', () => {
    () => {
      primus.transform('incoming', (packet, next) => (packet.data ? next() : next(new Error('empty'))));
      primus.transform('outgoing', async (packet) => packet.data !== null);
      // @ts-expect-error There are two directions.
      primus.transform('sideways', () => {});
      primus.use('sync', (request, response) => {
        expectTypeOf(request).toEqualTypeOf<IncomingMessage>();
        response.end();
        return true;
      });
      primus.use('async', (_request, _response, next) => next());
      primus.use('made', () => (_request: IncomingMessage, _response: object) => {}, { some: 'option' }, 2);
      primus.use(function session(_request, _response, next) {
        next();
      });
      // @ts-expect-error Middleware is a function.
      primus.use('name');
    };
  });

  it('has clients that send what it receives', () => {
    () => {
      const client = new primus.Socket('http://localhost');
      expectTypeOf(client.write).parameters.toEqualTypeOf<[Question]>();
      expectTypeOf(client.data$).toEqualTypeOf<Observable<Answer>>();
      client.on('data', (data) => expectTypeOf(data).toEqualTypeOf<Answer>());
      // @ts-expect-error A client receives answers; it cannot send them.
      client.write({ say: 'x' });
    };
  });

  it('types the options of destroy', () => {
    () => {
      primus.destroy({ timeout: 1, close: false, reconnect: true }, () => {});
      primus.destroy(() => {});
      // @ts-expect-error There is no such option.
      primus.destroy({ wait: 1 });
    };
  });
});

describe('Spark<In, Out>', () => {
  it('types what the server and the client send', () => {
    expectTypeOf(spark.write).toEqualTypeOf<(data: Answer) => boolean>();
    expectTypeOf<Parameters<typeof spark.end>>().toEqualTypeOf<
      [data?: Answer | undefined, options?: { reconnect?: boolean } | undefined]
    >();
    expectTypeOf(spark.data$).toEqualTypeOf<Observable<Question>>();
    expectTypeOf(spark.error$).toEqualTypeOf<Observable<Error>>();
    expectTypeOf(spark.heartbeat$).toEqualTypeOf<Observable<number>>();
    expectTypeOf(spark.state$).toEqualTypeOf<Observable<SparkState>>();
    expectTypeOf(spark.end$).toEqualTypeOf<Observable<void>>();
    expectTypeOf(spark.address).toEqualTypeOf<Address>();
    expectTypeOf(spark.query).toEqualTypeOf<Record<string, string | string[] | undefined>>();
    // @ts-expect-error A spark writes answers, not questions.
    () => spark.write({ ask: 'x' });
    // @ts-expect-error An id is read-only.
    spark.id = 'x';
  });

  it('can be iterated', () => {
    async () => {
      for await (const data of spark) expectTypeOf(data).toEqualTypeOf<Question>();
    };
  });

  it('types its events, and those that a plugin declares', () => {
    () => {
      spark.on('data', (data, raw) => {
        expectTypeOf(data).toEqualTypeOf<Question>();
        expectTypeOf(raw).toEqualTypeOf<Frame>();
      });
      spark.on('heartbeat', (latency) => expectTypeOf(latency).toEqualTypeOf<number>());
      spark.on('test joined', (room, by) => {
        expectTypeOf(room).toEqualTypeOf<string>();
        expectTypeOf(by).toEqualTypeOf<Question>();
      });
      // @ts-expect-error There is no such event.
      spark.on('close', () => {});
      // @ts-expect-error Data is a question.
      spark.on('data', (data: number) => data);
    };
    expectTypeOf<SparkEvents['end']>().toEqualTypeOf<[]>();
  });

  it('carries any value by default', () => {
    expectTypeOf<Parameters<Spark['write']>[0]>().toBeAny();
  });
});
