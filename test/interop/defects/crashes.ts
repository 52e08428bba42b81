import { LIMIT, until } from '../../support/wait.js';
import { type Any, type Defect, type Played, pause, request, type Stage, upgrade } from './stage.js';

/** Whether a server still serves other clients, some time after the fault. */
async function survives(
  stage: Stage,
  { options = {}, before, fault = hello }: { options?: object; before?: (primus: Any) => void; fault?: Fault },
): Promise<'alive'> {
  const played = await stage.serve({ pingInterval: false, ...options });
  before?.(played.primus);
  await fault(played, stage);
  await pause(80);
  const answer = await stage.answer(played.port, request('/primus/spec'));
  if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer);
  return 'alive';
}

type Fault = (played: Played, stage: Stage) => Promise<unknown>;

/** A client connects and writes one message. */
async function hello({ port }: Played, stage: Stage): Promise<void> {
  const socket = await stage.stranger(port);
  if (socket.readyState === socket.OPEN) socket.send('"hello"');
}

/** A client connects, writes one message and leaves before the answer. */
async function leaves(played: Played, stage: Stage): Promise<void> {
  const socket = await stage.stranger(played.port);
  socket.send('"hello"');
  await pause(10);
  socket.terminate();
}

/** An upgrade that is answered with any error. */
async function refused({ port }: Played, stage: Stage): Promise<void> {
  await stage.answer(port, upgrade());
}

const fails = (): never => {
  throw new Error('broken');
};

const slow = {
  encoder: (data: unknown, done: (error: unknown, frame?: string) => void) => setTimeout(done, 25, null, JSON.stringify(data)),
  decoder: (frame: string, done: (error: unknown, data?: unknown) => void) => done(null, JSON.parse(frame)),
};

export const crashes: Defect[] = [
  {
    no: '2a',
    name: 'an incoming message transformer that answers with an error, later, does not crash the server',
    scenario: (stage) =>
      survives(stage, {
        before: (primus) =>
          primus.transform('incoming', (_packet: unknown, next: (error: Error) => void) => setImmediate(next, new Error('broken'))),
      }),
    ours: 'alive',
    original: /broken/,
  },
  {
    no: '2a′',
    name: 'an outgoing message transformer that answers with an error, later, does not crash the server',
    scenario: (stage) =>
      survives(stage, {
        before: (primus) => {
          primus.transform('outgoing', (_packet: unknown, next: (error: Error) => void) => setImmediate(next, new Error('broken')));
          primus.on('connection', (spark: Any) => spark.write('hello'));
        },
      }),
    ours: 'alive',
    original: /broken/,
  },
  ...['data', 'end', 'readyStateChange'].map(
    (event): Defect => ({
      no: '2b',
      name: `a listener of a spark’s ${event} that throws does not crash the server`,
      scenario: (stage) =>
        survives(stage, { before: (primus) => primus.on('connection', (spark: Any) => spark.on(event, fails)), fault: leaves }),
      ours: 'alive',
      original: /broken/,
    }),
  ),
  ...['connection', 'disconnection'].map(
    (event): Defect => ({
      no: '2b',
      name: `a listener of ${event} that throws does not crash the server`,
      scenario: (stage) => survives(stage, { before: (primus) => primus.on(event, fails), fault: leaves }),
      ours: 'alive',
      original: /broken/,
    }),
  ),
  {
    no: '2c',
    name: 'an authorize that throws does not crash the server',
    scenario: (stage) => survives(stage, { options: { authorization: (_request: unknown, _done: unknown) => fails() }, fault: refused }),
    ours: 'alive',
    original: /broken/,
  },
  {
    no: '2d',
    name: 'an asynchronous encoder whose client has left does not crash the server',
    scenario: (stage) =>
      survives(stage, {
        options: { parser: slow },
        before: (primus) => primus.on('connection', (spark: Any) => spark.on('data', (data: unknown) => spark.write(data))),
        fault: leaves,
      }),
    ours: 'alive',
    original: /reading 'readyState'/,
  },
  {
    no: '2e',
    name: 'an authorize that calls back twice does not crash the server',
    scenario: (stage) =>
      survives(stage, {
        options: {
          authorization: (_request: unknown, done: (error?: unknown) => void) => {
            done();
            done();
          },
        },
      }),
    ours: 'alive',
    original: /throw new Error\(/,
  },
  {
    no: '2e′',
    name: 'an asynchronous middleware that calls back twice does not crash the server',
    scenario: (stage) =>
      survives(stage, {
        before: (primus) =>
          primus.use('twice', (_request: unknown, _response: unknown, next: () => void) => {
            next();
            next();
          }),
      }),
    ours: 'alive',
    original: /throw new Error\(/,
  },
  {
    no: '2e″',
    name: 'a message whose transformer calls back twice arrives once',
    async scenario(stage) {
      const { primus, spark, client } = await stage.pair();
      primus.transform('incoming', (_packet: unknown, next: () => void) => {
        next();
        next();
      });
      const got: unknown[] = [];
      spark.on('data', (data: unknown) => got.push(data));
      client.write('hello');
      await until(() => got.length > 0);
      await pause(20);
      return got;
    },
    ours: ['hello'],
    original: ['hello', 'hello'],
  },
  ...['http://%@x/primus', '//%@x/primus', 'http://[/primus'].flatMap((target) => [
    {
      no: '12a',
      name: `a request for ${target} does not crash the server`,
      scenario: (stage: Stage) => survives(stage, { fault: ({ port }) => stage.raw(port, request(target)) }),
      ours: 'alive',
      original: /URIError|ERR_INVALID_URL/,
    },
    {
      no: '12a',
      name: `an upgrade of ${target} does not crash the server`,
      scenario: (stage: Stage) => survives(stage, { fault: ({ port }) => stage.raw(port, upgrade(target)) }),
      ours: 'alive',
      original: /URIError|ERR_INVALID_URL/,
    },
  ]),
  ...[99, 1000, 'abc', -1].map(
    (statusCode): Defect => ({
      no: '12b',
      name: `a refusal with the statusCode ${JSON.stringify(statusCode)} does not crash the server`,
      scenario: (stage) =>
        survives(stage, {
          options: { authorization: (_request: unknown, done: (error: unknown) => void) => done({ statusCode, message: 'no' }) },
          fault: ({ port }) => stage.raw(port, request('/primus')),
        }),
      ours: 'alive',
      original: /ERR_HTTP_INVALID_STATUS_CODE/,
    }),
  ),
  {
    no: '12c',
    name: 'a challenge with a line break in it does not crash the server',
    scenario: (stage) =>
      survives(stage, { options: { authorization: challenge }, fault: ({ port }) => stage.raw(port, request('/primus')) }),
    ours: 'alive',
    original: /ERR_INVALID_CHAR/,
  },
  {
    no: '12c′',
    name: 'a challenge with a line break in it forges no header of a refused upgrade',
    async scenario(stage) {
      const { port } = await stage.serve({ authorization: challenge });
      return { forged: /^forged:/im.test(await stage.answer(port, upgrade())) };
    },
    ours: { forged: false },
    original: { forged: true },
  },
  ...['__proto__', 'constructor', 'hasOwnProperty'].map(
    (id): Defect => ({
      no: '12d',
      name: `${id}, as the session id that a client chooses, is an id like any other`,
      async scenario(stage) {
        const { url } = await stage.serve({ transformer: 'sockjs' });
        const status = async (method: string) => {
          const signal = AbortSignal.timeout(stage.make === 'ours' ? LIMIT : 500);
          const answer = await fetch(`${url}/primus/000/${id}/${method}`, { method: 'POST', body: '["x"]', signal }).catch(() => null);
          return answer?.status ?? 'no answer';
        };
        return { send: await status('xhr_send'), open: await status('xhr') };
      },
      ours: { send: 404, open: 200 },
      original: { send: 500, open: 'no answer' },
    }),
  ),
];

function challenge(_request: unknown, done: (error: unknown) => void): void {
  done({ statusCode: 401, message: 'no', authenticate: 'Basic\r\nForged: yes' });
}
