import { once } from 'node:events';
import { get } from 'node:http';
import type { Stage } from '../defects/stage.js';
import type { Any } from '../original.js';
import { compare, type Scenario } from './compare.js';

// The answers that an application may give to a callback that the library passes to it.
const FALSY: [string, unknown[]][] = [
  ['()', []],
  ['(undefined)', [undefined]],
  ['(null)', [null]],
  ['(false)', [false]],
  ['(0)', [0]],
  ["('')", ['']],
  ['(NaN)', [Number.NaN]],
];
const TRUTHY: [string, unknown[]][] = [
  ["('no')", ['no']],
  ['(1)', [1]],
  ['(new Error)', [new Error('no')]],
  ["({ message: 'no' })", [{ message: 'no' }]],
];
const VERDICTS: [string, unknown[]][] = [
  ['(null, undefined)', [null, undefined]],
  ['(null, null)', [null, null]],
  ['(null, true)', [null, true]],
  ['(null, false)', [null, false]],
  ['(null, 0)', [null, 0]],
  ["(null, '')", [null, '']],
  ["(false, 'a')", [false, 'a']],
];

/** Each with the answers given in the same turn, and in a later one. */
function each(
  name: string,
  answers: [string, unknown[]][],
  run: (stage: Stage, answer: (done: (...args: Any[]) => void) => void) => Promise<unknown>,
) {
  return answers.flatMap(([said, args]): Scenario[] => [
    { name: `${name}${said}, at once`, run: (stage) => run(stage, (done) => done(...args)) },
    { name: `${name}${said}, later`, run: (stage) => run(stage, (done) => setImmediate(done, ...args)) },
  ]);
}

async function status(port: number): Promise<unknown> {
  return new Promise((resolve) => {
    get({ port, path: '/primus/spec', agent: false }, (response) => {
      let body = '';
      response.on('data', (data) => {
        body += data;
      });
      response.on('end', () => resolve([response.statusCode, response.statusCode === 200 ? '' : body]));
    });
  });
}

async function lets(stage: Stage, answer: (done: (...args: Any[]) => void) => void): Promise<boolean> {
  const { primus, port } = await stage.serve();
  primus.authorize((_request: Any, done: Any) => answer(done));
  return (await stage.stranger(port)).readyState === 1;
}

compare('an answer of authorize', [
  ...each('done', [...FALSY.slice(0, 3), ...TRUTHY], lets),
  ...each('done', FALSY.slice(3), lets).map((scenario) => ({
    ...scenario,
    differs: { ours: false, original: true, row: "`done(false)`, `done(0)` and `done('')` in `authorize`" },
  })),
]);

compare('an answer of middleware', [
  ...each('next', [...FALSY, ...TRUTHY], async (stage, answer) => {
    const { primus, port } = await stage.serve();
    primus.use('mine', (_request: Any, _response: Any, next: Any) => answer(next), 0);
    return [await status(port), (await stage.stranger(port)).readyState === 1];
  }),
]);

for (const type of ['incoming', 'outgoing']) {
  compare(`an answer of an ${type} transformer`, [
    ...each('next', [...FALSY, ...VERDICTS], async (stage, answer) => {
      const { primus, spark, client } = await stage.pair();
      const received: unknown[] = [];
      const [from, to] = type === 'incoming' ? [client, spark] : [spark, client];
      const asked = new Promise<void>((resolve) => {
        primus.transform(type, (packet: Any, next: Any) => {
          if (packet.data === 'last') return next();
          answer(next);
          // An answer in a later turn has been given then.
          setImmediate(() => setImmediate(resolve));
        });
      });
      to.on('data', (data: unknown) => received.push(data));
      const last = new Promise<void>((resolve) => to.on('data', (data: unknown) => data === 'last' && resolve()));
      from.write('first');
      await asked;
      from.write('last');
      await last;
      return received;
    }),
  ]);
}

compare('an answer of a connection listener', [
  ...each('next', [...FALSY, ...TRUTHY], async (stage, answer) => {
    const { primus, connect } = await stage.serve();
    primus.on('connection', (_spark: Any, next: Any) => answer(next));
    const client = connect({ strategy: false });
    const seen = await Promise.race([once(client, 'end').then(() => 'end'), once(client, 'open').then(() => 'open')]);
    if (seen === 'open') client.write('x');
    return seen;
  }),
]);

compare('an answer of forEach', [
  ...each('next', [...FALSY, ...VERDICTS, ...TRUTHY], async (stage, answer) => {
    const { primus, connect } = await stage.pair();
    await Promise.all([once(primus, 'connection'), once(connect(), 'open')]);
    let calls = 0;
    const outcome: unknown = await new Promise((resolve) =>
      primus.forEach(
        (_spark: Any, next: Any) => {
          calls++;
          answer(next);
        },
        (error: unknown) => resolve(error instanceof Error ? error.message : error),
      ),
    );
    return [calls, outcome];
  }),
]);

/** A parser whose functions answer as the message says. They run from source in clients, and see nothing of this file. */
const parser = {
  encoder: (data: Any, done: Any) => {
    const answers = [[undefined, '"a"'], [null, '"a"'], [false, '"a"'], [0, '"a"'], ['', '"a"'], [Number.NaN, '"a"'], ['no'], [1]];
    if (data?.encode === undefined) done(null, JSON.stringify(data));
    else if (data.later) setTimeout(done, 0, ...(answers[data.encode] as Any[]));
    else done(...(answers[data.encode] as Any[]));
  },
  decoder: (frame: Any, done: Any) => {
    const answers = [[undefined, 'a'], [null, 'a'], [false, 'a'], [0, 'a'], ['', 'a'], [Number.NaN, 'a'], ['no'], [1]];
    const data = JSON.parse(`${frame}`);
    if (data?.decode === undefined) done(null, data);
    else if (data.later) setTimeout(done, 0, ...(answers[data.decode] as Any[]));
    else done(...(answers[data.decode] as Any[]));
  },
};

for (const half of ['encode', 'decode']) {
  compare(
    `an answer of ${half}r, to the callback`,
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((answer) =>
      [false, true].map(
        (later): Scenario => ({
          name: `number ${answer}, ${later ? 'later' : 'at once'}`,
          run: async (stage) => {
            const { spark, client } = await stage.pair({ parser, pingInterval: false });
            const outcomes: unknown[] = [];
            const outcome = new Promise<void>((resolve) => {
              const came = (what: unknown) => {
                outcomes.push(what);
                resolve();
              };
              spark.on('data', came);
              spark.on('error', () => came('an error of the spark'));
              client.on('error', () => came('an error of the client'));
            });
            client.write({ [half]: answer, later });
            await outcome;
            const last = once(spark, 'data');
            client.write('last');
            await last;
            return outcomes;
          },
        }),
      ),
    ),
  );
}
