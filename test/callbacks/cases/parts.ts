import { once } from 'node:events';
import { createServer } from 'node:http';
import { builtins } from '../../../src/builtins.js';
import { Primus } from '../../../src/index.js';
import type { Bed } from '../bed.js';
import type { Case } from '../case.js';
import { type Failure, failing } from '../failures.js';
import { plug } from './server.js';

/** Functions that the innocent client has to pass: they fail from its connection on. */
function later(
  failure: Failure,
  good: (...args: never[]) => unknown,
  parameters = 0,
): { fn: (...args: never[]) => unknown; arm: () => void } {
  const evil = failing(failure, parameters, good);
  let armed = false;
  const fn = (...args: never[]) => (armed ? evil(...args) : good(...args));
  return {
    fn: Object.defineProperty(fn, 'length', { value: parameters }),
    arm: () => {
      armed = true;
    },
  };
}

const armed = new WeakMap<Failure, () => void>();

/** A function of the options, which fails when the innocent client has connected. */
function option(failure: Failure, good: (...args: never[]) => unknown, parameters = 0): (...args: never[]) => unknown {
  const { fn, arm } = later(failure, good, parameters);
  armed.set(failure, arm);
  return fn;
}

async function visit(bed: Bed, failure: Failure): Promise<void> {
  armed.get(failure)?.();
  const { client } = await bed.connect({ headers: { 'X-Forwarded-For': '10.0.0.1, 10.0.0.2' } });
  client.write('hello');
  await bed.echo();
}

let ids = 0;

/** A server that `createServer` makes, which listens. */
async function created(bed: Bed, ...args: [unknown, object?]): Promise<void> {
  const [connection, options] = args;
  let primus: Primus | undefined;
  bed.call(() => {
    primus = Primus.createServer(connection as never, { port: 0, host: '127.0.0.1', iknowhttpsisbetter: true, ...options } as never);
  });
  if (primus === undefined) return;
  const { server } = primus;
  if (server.address() === null) await once(server as never, 'listening');
  const client = new primus.Socket(`http://127.0.0.1:${(server.address() as { port: number }).port}`, { strategy: false, timeout: 200 });
  await Promise.race([once(client as never, 'open'), once(client as never, 'end')]);
  client.destroy();
  await new Promise<void>((resolve) => primus?.destroy({}, resolve));
}

const { websockets } = Object.fromEntries(builtins.transformers) as {
  websockets: NonNullable<ReturnType<typeof builtins.transformers.get>>;
};

/** The client functions of plugins run from their source, without the variables around them. */
declare global {
  var evilClient: (() => unknown) | undefined;
}

/** Connection objects of plugins, which `transforms` passes a message to. */
const FOREIGN = ['_write', 'emit', 'listeners'] as const;

const PROMISES = /rejects|after an await|thenable/;

export const parts: readonly Case[] = [
  {
    place: 'ServerOptions.idGenerator',
    options: (failure) => ({ idGenerator: option(failure, () => `id ${++ids}`) as () => string }),
    run: visit,
  },
  {
    place: 'ServerOptions.trustProxy',
    options: (failure) => ({ trustProxy: option(failure, () => true, 2) as () => boolean }),
    run: visit,
  },
  {
    place: 'ServerOptions.authorization',
    options: (failure) => ({ authorization: option(failure, ((_request: unknown, done: () => void) => done()) as never, 2) as never }),
    run: visit,
  },
  {
    place: 'ResumeOptions.identity',
    options: (failure) => ({ resume: { identity: option(failure, () => 'ada') as () => string } }),
    run: visit,
  },
  { place: 'Primus.createServer(connection)', run: (bed, failure) => created(bed, failing(failure)) },
  { place: 'Plugin.server', run: (bed, failure) => plug(bed, failing(failure)) },
  {
    place: 'Plugin.server',
    name: 'of a server that is created',
    run: (bed, failure) => {
      const http = createServer();
      bed.call(() => new Primus(http, { plugin: { evil: { server: failing(failure) } } }).destroy({ close: false }));
      if (http.listenerCount('upgrade') > 0) throw new Error('A server that was not created has listeners');
    },
  },
  {
    place: 'Plugin.client',
    beyond: [/rejects|after an await/, 'its promise is not waited for'],
    run: async (bed, failure) => {
      globalThis.evilClient = failing(failure);
      const Socket = Primus.createSocket({ plugin: { evil: { client: () => globalThis.evilClient?.() } } });
      try {
        await bed.connect({}, Socket as never);
      } catch (thrown) {
        bed.reports.push(thrown);
      }
    },
  },
  {
    place: 'ServerTransformer.broadcast',
    beyond: [PROMISES, 'it is synchronous, as the links are'],
    options: (failure) => ({
      transformer: { ...websockets, server: { ...websockets.server, broadcast: failing(failure) as () => void } },
    }),
    run: (bed) => bed.call(() => bed.primus.write('hello')),
  },
  {
    place: 'ClientTransformer.connect',
    run: (bed, failure) =>
      bed.connect(
        {},
        Primus.createSocket({ transformer: { ...websockets, client: { ...websockets.client, connect: failing(failure) } } }) as never,
      ),
    beyond: [/^(?!throws an error$)/, 'the errors of its Observable are LinkErrors'],
  },
  ...FOREIGN.map(
    (method): Case => ({
      place: `ForeignConnection.${method}`,
      beyond: [PROMISES, 'they are synchronous'],
      run: async (bed, failure) => {
        const emit = (_event: string, error: unknown) => bed.reports.push(error);
        const connection = { _write: () => true, emit, listeners: () => [() => {}], [method]: failing(failure) };
        const passes = async () => {};
        const drops = async () => Promise.reject(new Error('evil'));
        for (const transformer of [passes, drops, undefined]) {
          const list = transformer === undefined ? [] : [transformer];
          for (const direction of ['incoming', 'outgoing'] as const)
            bed.call(() =>
              bed.primus.transforms(
                { transformers: { incoming: list, outgoing: list }, host: bed.primus.host } as never,
                connection as never,
                direction,
                'hello',
              ),
            );
          await bed.echo();
        }
      },
    }),
  ),
  {
    place: 'primus.asyncemit(event, done)',
    run: async (bed, failure) => {
      bed.call(() => bed.primus.asyncemit('evil', failing(failure)));
      const listener = (next: () => void) => void setImmediate(next);
      bed.primus.on('late' as never, listener as never);
      bed.call(() => bed.primus.asyncemit('late', failing(failure)));
      await bed.echo();
      bed.primus.removeListener('late' as never, listener as never);
    },
  },
  ...[0, 1].map(
    (parameters): Case => ({
      place: 'primus.asyncemit(event, done)',
      name: `a listener of ${parameters} parameters`,
      run: (bed, failure) => {
        const listener = failing(failure, parameters);
        bed.primus.on('evil' as never, listener as never);
        bed.call(() => bed.primus.asyncemit('evil', (error: unknown) => bed.reports.push(error)));
        bed.primus.removeListener('evil' as never, listener as never);
      },
    }),
  ),
];
