import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { ClientOptions, Parser, Primus, ServerOptions, Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, type Served, until } from '../support/serve.js';

type Start = (options?: ServerOptions) => Promise<Served>;
type Client = InstanceType<Primus['Socket']>;

const SECRET = 'postgres://user:secret@db';

/** An error with the secret in all of its parts. */
function secretError(): Error {
  const error = Object.assign(new Error(`connect to ${SECRET} failed`, { cause: new Error(SECRET) }), {
    code: SECRET,
    details: { url: SECRET },
  });
  error.stack = `Error: ${SECRET}\n    at ${SECRET}`;
  return error;
}

function throws(): never {
  throw secretError();
}

const rejects = async (..._args: unknown[]): Promise<never> => throws();

/** A parser one half of which fails for the message `evil`. */
function parserOf(half: 'encoder' | 'decoder', fail: (done: (error: Error) => void) => unknown): Parser {
  const evil = (value: unknown) => String(value).includes('evil');
  const parser: Parser = {
    encoder: (data, done) => (half === 'encoder' && evil(data) ? (fail(done) as undefined) : json.encoder(data, done)),
    decoder: (frame, done) => (half === 'decoder' && evil(frame) ? (fail(done) as undefined) : json.decoder(frame, done)),
  };
  return parser;
}

interface Failing {
  readonly options?: ServerOptions;
  readonly prepare?: (primus: Primus) => unknown;
}

/** The functions of the application that run for a connection. */
const FUNCTIONS: { readonly [name: string]: Failing } = {
  'a connection listener that throws': { prepare: (primus) => primus.on('connection', throws) },
  'a connection listener that rejects': { prepare: (primus) => primus.on('connection', rejects) },
  'a connection listener that refuses': { prepare: (primus) => primus.on('connection', (_spark, next) => next(secretError())) },
  'a data listener': { prepare: (primus) => primus.on('connection', (spark) => spark.on('data', throws)) },
  'an async data listener': { prepare: (primus) => primus.on('connection', (spark) => spark.on('data', rejects)) },
  idGenerator: { options: { idGenerator: throws } },
  'an authorization function': { prepare: (primus) => primus.authorize((_request, _done) => throws()) },
  'an async authorization function': { prepare: (primus) => primus.authorize((request, done) => rejects(request, done)) },
  middleware: { prepare: (primus) => primus.use('evil', (_request, _response) => throws()) },
  'async middleware': { prepare: (primus) => primus.use('evil', (request, response) => rejects(request, response)) },
  'a hook of the spark': { prepare: (primus) => Object.assign(primus.Spark.prototype, { initialise: throws }) },
  'an incoming message transformer': { prepare: (primus) => primus.transform('incoming', throws) },
  'an async outgoing message transformer': { prepare: (primus) => primus.transform('outgoing', rejects) },
  'an encoder that throws': { options: { parser: parserOf('encoder', throws) } },
  'an encoder that calls back': { options: { parser: parserOf('encoder', (done) => done(secretError())) } },
  'a decoder that throws': { options: { parser: parserOf('decoder', throws) } },
  'a decoder that calls back': { options: { parser: parserOf('decoder', (done) => done(secretError())) } },
};

/** The addresses that frameworks serve below the path. */
const ENDPOINTS = [
  '/spec',
  '/primus.js',
  '/',
  '/?EIO=4&transport=polling',
  '/?EIO=4&transport=polling&j=0',
  '/info',
  '/iframe.html',
  '/000/abc/htmlfile?c=callback',
  '/000/abd/jsonp?c=callback',
  '/000/abe/eventsource',
  '/test?VER=8&MODE=init',
  '/bind?VER=8&RID=1',
];

/** A server behind a laboratory that keeps all bytes that it sends. */
async function observed(start: Start, options: ServerOptions = {}) {
  const served = await start(options);
  let sent = '';
  const lab = await startLaboratory(served.port, {
    observe(direction, bytes) {
      if (direction === 'toClient') sent += bytes.toString('latin1');
    },
  });
  const entries: unknown[] = [];
  served.primus.on('log', (...values) => entries.push(...values));
  const connect = (query = '', clientOptions: ClientOptions = {}): Client => {
    const client = new served.primus.Socket(`${lab.url}${query}`, {
      strategy: false,
      transport: served.primus.options.transport,
      ...clientOptions,
    });
    cleanup(() => client.destroy());
    return client;
  };
  /** Requests every address, as far as it answers. */
  const visit = async (query = '', headers: Record<string, string> = {}) => {
    const answers = ENDPOINTS.map(async (path) => {
      const url = `${lab.url}/primus${path}${query && (path.includes('?') ? query.replace('?', '&') : query)}`;
      const response = await fetch(url, { headers: { ...headers, connection: 'close' }, signal: AbortSignal.timeout(300) });
      return { path, type: response.headers.get('content-type') ?? '', policy: response.headers.get('referrer-policy') };
    });
    return (await Promise.allSettled(answers)).flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  };
  return { ...served, connect, visit, entries, sent: () => sent };
}

/** The rules about what must not be shown, each with its test. */
export function secrets(transformer: string, start: Start): [title: string, test: () => Promise<void>][] {
  return [
    [
      'tells a client nothing of what functions of the application throw',
      async () => {
        for (const [name, { options = {}, prepare }] of Object.entries(FUNCTIONS)) {
          const { primus, connect, visit, entries, sent } = await observed(start, options);
          primus.on('connection', (spark) => {
            spark.on('error', (error) => entries.push(error));
            spark.on('data', (data) => spark.write(data));
            spark.write('evil');
          });
          prepare?.(primus);
          const client = connect();
          client.write('evil');
          client.on('error', (error) => entries.push(error));
          await visit();
          // It was thrown; nothing that was sent says so.
          await until(() => inspect(entries).includes(SECRET));
          client.end('evil');
          await until(() => client.state.name === 'closed');
          expect(sent().includes('secret@db'), name).toBe(false);
        }
      },
    ],
    [
      'shows no token of a request in answers, the log, errors, or a spark that is printed',
      async () => {
        const token = 'token-7f3a9c';
        const headers = { Authorization: `Bearer ${token}`, Cookie: `session=${token}` };
        const { primus, connect, visit, entries, sent } = await observed(start);
        const announced = event(primus, 'connection');
        const client = connect(`?token=${token}`, { headers: transformer === 'sockjs' || transformer === 'browserchannel' ? {} : headers });
        client.on('error', (error) => entries.push(error));
        const [spark] = (await announced) as [Spark];
        expect(spark.query.token).toBe(token);
        spark.on('error', (error) => entries.push(error));
        spark.write(1n as never);
        spark.on('data', () => {
          throw new Error('a listener');
        });
        client.write('hello');
        await until(() => entries.length >= 2);
        const printed = [inspect(spark, { depth: 8 }), String(spark), JSON.stringify(spark), inspect(primus), String(primus)];
        for (const answer of await visit(`?token=${token}`, headers))
          if (answer.type.includes('text/html')) expect(answer.policy, answer.path).toBe('no-referrer');

        // A client that is refused, and one that meets no server.
        primus.authorize((_request, done) => done({ statusCode: 403, message: 'no' }));
        for (const url of [`?token=${token}`, `/?token=${token}`]) {
          const refused = connect(url, { timeout: 2_000 });
          refused.on('error', (error) => entries.push(error));
          await event(refused, 'end');
        }
        client.end();
        const shown = inspect(entries, { depth: 8 });
        for (const text of [shown, ...printed, sent()])
          expect(text.includes(token), text.slice(Math.max(0, text.indexOf(token) - 300), text.indexOf(token) + 40)).toBe(false);
      },
    ],
  ];
}
