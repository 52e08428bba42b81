import { createServer } from 'node:http';
import { until } from '../../support/wait.js';
import type { Any, Stage } from '../defects/stage.js';
import { compare, type Scenario } from './compare.js';

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;

/** Writes a value on both ends, and then the end of the messages: returns how many errors each end emits, and what it receives. */
async function written(stage: Stage, value: unknown) {
  const { spark, client } = await stage.pair();
  const seen = { client: { errors: 0, received: [] as unknown[] }, spark: { errors: 0, received: [] as unknown[] } };
  for (const [end, record] of [
    [client, seen.client],
    [spark, seen.spark],
  ] as const) {
    end.on('error', () => record.errors++);
    end.on('data', (data: unknown) => record.received.push(data));
  }
  client.write(value);
  spark.write(value);
  client.write('last');
  spark.write('last');
  await until(() => [seen.client, seen.spark].every(({ received }) => received.at(-1) === 'last'));
  return seen;
}

const VALUES: readonly [name: string, value: unknown][] = [
  ['a cyclic object', cyclic],
  ['a BigInt', 1n],
  [
    'an object whose toJSON throws',
    {
      toJSON() {
        throw new Error('no');
      },
    },
  ],
  ['NaN', Number.NaN],
  ['a date', new Date(0)],
  ['a map', new Map([[1, 2]])],
  ['a buffer', Buffer.from('bytes')],
  ['an empty string', ''],
  ['null', null],
];

compare(
  'writing',
  VALUES.map(([name, value]): Scenario => ({ name, run: (stage) => written(stage, value) })),
);

const LOST = 'a message that JSON has no form for: `undefined`, a function, a symbol';

compare(
  'writing what JSON has no form for:',
  [undefined, () => 1, Symbol('x')].map(
    (value): Scenario => ({
      name: typeof value,
      run: (stage) => written(stage, value),
      differs: {
        ours: { client: { errors: 1, received: ['last'] }, spark: { errors: 1, received: ['last'] } },
        original: { client: { errors: 0, received: ['last'] }, spark: { errors: 0, received: [Buffer.alloc(0), 'last'] } },
        row: LOST,
      },
    }),
  ),
);

/** Returns whether a call succeeds. */
function outcome(call: () => unknown): string {
  try {
    call();
    return 'ok';
  } catch {
    return 'throws';
  }
}

/** Creates a server with these options. */
function server({ Primus }: Stage, options: unknown): string {
  return outcome(() => new Primus(createServer(), options).destroy());
}

/** Creates a class of clients with these options, and a client of it. */
function socket({ Primus }: Stage, options: unknown, clientOptions: unknown = { manual: true }): string {
  return outcome(() => {
    const client: Any = new (Primus.createSocket(options))('http://127.0.0.1', clientOptions);
    client.destroy();
  });
}

compare('options that are', [
  { name: 'missing, of a server', run: async (stage) => server(stage, undefined) },
  { name: 'null, of a server', run: async (stage) => server(stage, null) },
  { name: 'missing, of `createSocket`', run: async (stage) => socket(stage, undefined) },
  { name: 'null, of `createSocket`', run: async (stage) => socket(stage, null) },
  { name: 'of another transformer', run: async (stage) => server(stage, { transformer: 'other' }) },
  { name: 'of another parser', run: async (stage) => server(stage, { parser: 'other' }) },
  { name: 'undefined, each', run: async (stage) => server(stage, { transformer: undefined, parser: undefined, pathname: undefined }) },
  { name: 'null, each', run: async (stage) => server(stage, { transformer: null, parser: null, pathname: null, maxLength: null }) },
  { name: 'null, each, of a class of clients', run: async (stage) => socket(stage, { transformer: null, parser: null, pathname: null }) },
  { name: 'of plugins', run: async (stage) => server(stage, { rooms: { wildcard: false }, anything: () => {} }) },
]);

const TYPE = 'an option of the wrong type';

compare(
  'options of the wrong type, such as',
  [{ pathname: 42 }, { maxLength: 'much' }, { compression: 'yes' }, { transport: 'websocket' }, { idGenerator: 'nanoid' }].map(
    (options): Scenario => ({
      name: JSON.stringify(options),
      run: async (stage) => server(stage, options),
      differs: { ours: 'throws', original: 'ok', row: TYPE },
    }),
  ),
);

compare('a server', [
  { name: 'needs an HTTP server', run: async ({ Primus }) => outcome(() => new Primus()) },
  { name: 'needs an HTTP server, not a port', run: async ({ Primus }) => outcome(() => new Primus(8080)) },
  { name: 'takes the HTTP server first', run: async ({ Primus }) => outcome(() => new Primus({}, createServer())) },
]);

/** Adds a plugin to a server. */
function plugin(stage: Stage, ...given: unknown[]): string {
  const primus = new stage.Primus(createServer());
  stage.cleanup(() => primus.destroy());
  return outcome(() => primus.plugin(...given));
}

compare('a plugin', [
  { name: 'may have a server', run: async (stage) => plugin(stage, 'name', { server() {} }) },
  { name: 'may have a client', run: async (stage) => plugin(stage, 'name', { client() {} }) },
  {
    name: 'may be a function with a server',
    run: async (stage) =>
      plugin(
        stage,
        'name',
        Object.assign(() => {}, { server() {} }),
      ),
  },
  { name: 'needs a part', run: async (stage) => plugin(stage, 'name', {}) },
  { name: 'needs a server that is a function', run: async (stage) => plugin(stage, 'name', { server: 1 }) },
  { name: 'is no array', run: async (stage) => plugin(stage, 'name', []) },
  { name: 'is no number', run: async (stage) => plugin(stage, 'name', 1) },
  { name: 'needs a name before it', run: async (stage) => plugin(stage, { server() {} }, 'name') },
]);
