import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Primus, type Spark } from '../../../src/index.js';
import { until } from '../../support/wait.js';
import type { Bed } from '../bed.js';
import { type Case, subscribers } from '../case.js';
import { type Failure, failing } from '../failures.js';

type ServerEvent = 'connection' | 'disconnection' | 'log' | 'plugin' | 'plugout';

/** Runs something while the server has a listener that fails. */
async function listening(bed: Bed, event: ServerEvent, listener: () => unknown, run: () => unknown): Promise<void> {
  bed.primus.on(event, listener as never);
  await run();
  bed.primus.removeListener(event, listener as never);
}

/** A connection that comes and goes. */
async function visit(bed: Bed): Promise<void> {
  const { client } = await bed.connect();
  client.end();
  await bed.clear();
}

/** Logs an error: the value cannot be encoded. */
function log({ primus }: Bed): void {
  primus.write(1n as never);
}

let plugins = 0;

/** Adds and removes a plugin. */
export function plug(bed: Bed, server: (...args: never[]) => unknown = () => {}): void {
  const name = `plugin ${++plugins}`;
  bed.call(() => bed.primus.plugin(name, { server }));
  bed.call(() => bed.primus.plugout(name));
}

/** Destroys a server of its own that has no connections. */
async function destroyed(prepare: (primus: Primus) => void, ...args: Parameters<Primus['destroy']>): Promise<void> {
  const primus = new Primus(createServer(), { pingInterval: false });
  prepare(primus);
  let closed = false;
  primus.close$.subscribe(() => {
    closed = true;
  });
  primus.destroy(...args);
  await until(() => closed);
}

const file = join(tmpdir(), `primus-${process.pid}.js`);

/** Requests something of the server, for at most half a second: a layer may never answer. */
export async function request({ url }: Bed, path = '/primus/none'): Promise<void> {
  const answered = fetch(url + path, { signal: AbortSignal.timeout(100), headers: { connection: 'close' } });
  await answered.then((answer) => answer.arrayBuffer()).catch(() => {});
}

/** Sends a request and an upgrade through a layer that fails, unless they are of the innocent client. */
async function through(bed: Bed, failure: Failure, parameters: number): Promise<void> {
  bed.primus.use('evil', failing(failure, parameters));
  await request(bed);
  await bed.connect({ timeout: 100 });
  bed.primus.remove('evil');
}

/** The application's own call throws; nothing else does. */
const SYNCHRONOUS: Case['beyond'] = [/rejects|after an await|thenable/, 'the function is synchronous: what it returns is its value'];

export const server: readonly Case[] = [
  ...[1, 2].map(
    (parameters): Case => ({
      place: "primus.on('connection')",
      name: `${parameters} parameters`,
      run: (bed, failure) => listening(bed, 'connection', failing(failure, parameters), () => visit(bed)),
    }),
  ),
  {
    place: "primus.on('disconnection')",
    run: (bed, failure) => listening(bed, 'disconnection', failing(failure, 1), () => visit(bed)),
  },
  {
    place: "primus.on('log')",
    silent: 'the log is where it would be reported',
    run: (bed, failure) => listening(bed, 'log', failing(failure), () => log(bed)),
  },
  ...(['plugin', 'plugout'] as const).map(
    (event): Case => ({
      place: `primus.on('${event}')`,
      run: (bed, failure) => listening(bed, event, failing(failure), () => plug(bed)),
    }),
  ),
  {
    place: "primus.on('initialised')",
    options: () => ({}),
    before: (primus, failure) => primus.on('initialised', failing(failure)),
    run: () => {},
  },
  ...[1, 2].map(
    (parameters): Case => ({
      place: "primus.on('close')",
      name: `${parameters} parameters`,
      run: (_bed, failure) => destroyed((primus) => primus.on('close', failing(failure, parameters))),
    }),
  ),
  ...(['destroy', 'end'] as const).flatMap((method): Case[] => [
    { place: `primus.${method}(done)`, run: (_bed, failure) => destroyed((primus) => primus[method]({}, failing(failure))) },
    { place: `primus.${method}(options)`, run: (_bed, failure) => destroyed((primus) => primus[method](failing(failure))) },
  ]),
  ...subscribers('primus.connection$', async (bed, to) => {
    const subscription = to(bed.primus.connection$);
    await visit(bed);
    subscription.unsubscribe();
  }),
  ...subscribers('primus.disconnection$', async (bed, to) => {
    const subscription = to(bed.primus.disconnection$);
    await visit(bed);
    subscription.unsubscribe();
  }),
  ...subscribers('primus.log$', async (bed, to) => {
    const subscription = to(bed.primus.log$);
    log(bed);
    subscription.unsubscribe();
  }),
  ...subscribers('primus.close$', (_bed, to) => destroyed((primus) => void to(primus.close$))),
  {
    place: 'primus.forEach(step)',
    run: (bed, failure) => bed.call(() => bed.primus.forEach(failing(failure, 3))),
  },
  {
    place: 'primus.forEach(step)',
    name: 'one after the other',
    run: async (bed, failure) => {
      await bed.connect();
      bed.primus.forEach(failing(failure, 2), (error) => bed.reports.push(error));
    },
  },
  ...[false, true].map(
    (late): Case => ({
      place: 'primus.forEach(done)',
      name: late ? 'later' : 'at once',
      run: (bed, failure) =>
        bed.call(() =>
          bed.primus.forEach((_spark: Spark, next: () => void) => void (late ? setImmediate(next) : next()), failing(failure, 1)),
        ),
    }),
  ),
  ...[2, 3].map(
    (parameters): Case => ({
      place: 'primus.use(fn)',
      name: `${parameters} parameters`,
      run: (bed, failure) => through(bed, failure, parameters),
    }),
  ),
  {
    place: 'primus.use(fn)',
    name: 'a factory',
    beyond: SYNCHRONOUS,
    run: (bed, failure) => bed.call(() => bed.primus.use('evil factory', failing(failure))),
  },
  {
    place: 'primus.authorize(fn)',
    run: async (bed, failure) => {
      bed.primus.authorize(failing(failure, 2));
      await bed.connect();
      await request(bed);
      bed.primus.auth = null;
    },
  },
  {
    place: 'primus.save(done)',
    run: async (bed, failure) => {
      let written = false;
      bed.call(() =>
        bed.primus.save(file, (error) => {
          written = true;
          return failing(failure)(error);
        }),
      );
      await until(() => written);
    },
  },
  ...(['encoder', 'decoder'] as const).map(
    (half): Case => ({
      place: `primus.${half}(done)`,
      beyond: [/rejects|after an await/, 'the application calls the parser itself'],
      run: (bed, failure) => bed.call(() => bed.primus[half]('1' as never, failing(failure))),
    }),
  ),
  {
    place: 'primus.emits(parser)',
    run: (bed, failure) => bed.call(() => bed.primus.emits('evil', failing(failure, 1))(1)),
  },
];
