import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import type { Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import { Primus as Client } from '../../src/client-node.js';
import { type Dropped, type Flow, flow } from '../../src/flow.js';
import type { Primus, Spark } from '../../src/index.js';
import { anything } from './anything.js';

type Question = { ask: string };
type Answer = { say: string };

// What is tested is what compiles.
const source: Readable = anything;
const target: Writable = anything;
const primus: Primus<Question, Answer> = anything;
const spark: Spark<Question, Answer> = anything;
const anySpark: Spark = anything;
const client: Client<Answer, Question> = anything;
const anyClient: Client = anything;

describe('Node.js streams', () => {
  it('are piped into sparks and clients, and these into streams', () => {
    () => {
      source.pipe(anySpark).end('bye', { reconnect: true });
      source.pipe(anyClient).end('bye');
      source.pipe(new PassThrough()).pipe(anySpark);
      expectTypeOf(spark.pipe(target)).toEqualTypeOf<Writable>();
      expectTypeOf(client.pipe(target, { end: false })).toEqualTypeOf<Writable>();
      anyClient.pipe(anySpark);
      source.pipe(spark.duplex());
      source.pipe(client.duplex()).pipe(target);
      // @ts-expect-error A stream has strings or bytes, for all that its type says: a spark that sends objects only is no target for it.
      source.pipe(spark);
      // @ts-expect-error The second argument is no encoding.
      anySpark.end('bye', 'utf8');
      // @ts-expect-error A misspelt option.
      anySpark.end('bye', { reconect: true });
      // @ts-expect-error Neither true nor false.
      anySpark.end('bye', { reconnect: 1 });
    };
  });

  it('have counterparts on a client as on a spark', () => {
    expectTypeOf(client.bufferedAmount).toEqualTypeOf<number>();
    expectTypeOf(spark.bufferedAmount).toEqualTypeOf<number>();
    expectTypeOf(client.duplex()).toEqualTypeOf<Duplex>();
    expectTypeOf(client.pause()).toEqualTypeOf<typeof client>();
    async () => {
      for await (const data of client) expectTypeOf(data).toEqualTypeOf<Answer>();
      client.on('drain', () => {});
      client.pause().resume().write({ ask: 'x' });
    };
    // @ts-expect-error It is read-only.
    client.bufferedAmount = 0;
  });

  it('leave the classes of clients what they were', () => {
    () => {
      expectTypeOf(new Client<Answer, Question>('http://localhost').write).parameters.toEqualTypeOf<[Question]>();
      expectTypeOf(new primus.Socket('http://localhost').write).parameters.toEqualTypeOf<[Question]>();
      expectTypeOf(new primus.Socket('http://localhost').duplex()).toEqualTypeOf<Duplex>();
      expectTypeOf(Client.connect('http://localhost').pause().readyState).toEqualTypeOf<1 | 2 | 3>();
      class Own extends Client<Answer, Question> {
        override write(data: Question): boolean {
          return super.write(data);
        }
      }
      new Own('http://localhost').resume();
    };
  });
});

describe('flow', () => {
  it('has the messages of its client or spark', () => {
    expectTypeOf(flow(client)).toEqualTypeOf<Flow<Answer, Question>>();
    expectTypeOf(flow(spark, { highWaterMark: 1 })).toEqualTypeOf<Flow<Question, Answer>>();
    expectTypeOf(flow(client).readable).toEqualTypeOf<ReadableStream<Answer>>();
    expectTypeOf(flow(client).writable).toEqualTypeOf<WritableStream<Question>>();
    expectTypeOf(flow(client).dropped$).toEqualTypeOf<Observable<Dropped<Question>>>();
    expectTypeOf(flow(client).volatile).parameters.toEqualTypeOf<[Question]>();
    expectTypeOf(flow(client).latest).parameters.toEqualTypeOf<[key: unknown, data: Question]>();
    expectTypeOf(flow(client)).toExtend<AsyncIterable<Answer>>();
    () => {
      // @ts-expect-error A server has no flow of its own.
      flow(primus);
      // @ts-expect-error Answers come in.
      flow(client).volatile({ say: 'x' });
      // @ts-expect-error A misspelt option.
      flow(client, { highWatermark: 1 });
    };
  });
});

describe('middleware', () => {
  /** As the types of Express have it, on which those of express-session and cookie-parser stand. */
  interface Request extends IncomingMessage {
    session: object;
    cookies: Record<string, string>;
    get(name: string): string | undefined;
  }
  interface Response extends ServerResponse {
    send(body: unknown): this;
  }
  interface NextFunction {
    (error?: unknown): void;
    (deferToNext: 'router'): void;
    (deferToNext: 'route'): void;
  }
  type RequestHandler = (request: Request, response: Response, next: NextFunction) => void | Promise<void>;
  const session: (options: { secret: string }) => RequestHandler = anything;
  const cookieParser: (secret?: string | string[]) => RequestHandler = anything;

  it('may be middleware for Express', () => {
    () => {
      primus.use('cookies', cookieParser());
      primus.use('session', session({ secret: 'x' }));
      primus.use(session({ secret: 'x' }));
      primus.use('session', session({ secret: 'x' }), undefined, 0);
    };
  });

  it('gets the request and the response of Node.js', () => {
    () => {
      primus.use('own', (request, response, next) => {
        expectTypeOf(request).toEqualTypeOf<IncomingMessage>();
        expectTypeOf(response).toEqualTypeOf<ServerResponse>();
        next(new Error('no'));
      });
      // @ts-expect-error A request is no number.
      primus.use('own', (_request: number, _response: ServerResponse) => {});
      // @ts-expect-error A middleware is a function.
      primus.use('own', 42);
    };
  });
});
