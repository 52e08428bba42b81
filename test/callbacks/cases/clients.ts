import { PassThrough } from 'node:stream';
import type { Observable } from 'rxjs';
import type { ClientOptions, Primus } from '../../../src/index.js';
import type { Bed } from '../bed.js';
import { type Case, subscribers } from '../case.js';
import { failing } from '../failures.js';

type Client = InstanceType<Primus['Socket']>;

const EVENTS = [
  'open',
  'data',
  'error',
  'close',
  'end',
  'destroy',
  'online',
  'offline',
  'timeout',
  'reconnect',
  'reconnected',
  'reconnect scheduled',
  'reconnect timeout',
  'reconnect failed',
  'readyStateChange',
  'outgoing::open',
  'outgoing::url',
  'outgoing::data',
  'outgoing::pong',
  'outgoing::reconnect',
  'outgoing::end',
  'incoming::open',
  'incoming::data',
  'incoming::ping',
  'incoming::id',
  'incoming::error',
  'incoming::end',
  'drain',
  'pipe',
  'unpipe',
] as const;

const STREAMS = ['state$', 'online$', 'open$', 'data$', 'error$', 'reconnect$', 'heartbeat$', 'end$'] as const;

const AGAIN: ClientOptions = {
  manual: true,
  strategy: ['disconnect', 'timeout'],
  reconnect: { min: 1, max: 2, retries: 2, 'reconnect timeout': 500 },
};

/** Makes a client emit its events: by messages, a reconnection, and the end of its attempts. */
async function live(bed: Bed, prepare: (client: Client) => unknown, options: ClientOptions = {}): Promise<void> {
  const connected = bed.connect({ ...AGAIN, ...options });
  const client = bed.last as Client;
  bed.call(() => prepare(client));
  client.open();
  const { spark } = await connected;
  client.id(() => {});
  client.write('hello');
  bed.call(() => spark?.write('hello'));
  bed.call(() => spark?.heartbeat());
  client.write(1n as never);
  await bed.echo();
  spark?.end(undefined, { reconnect: true });
  await bed.echo();
  await bed.echo();
  const source = new PassThrough({ objectMode: true });
  bed.call(() => source.pipe(client as never));
  bed.call(() => source.unpipe(client as never));
  // What no run of a second has: the network that goes, and the time-outs.
  for (const event of ['drain', 'timeout', 'reconnect timeout', 'reconnect failed', 'incoming::error', 'offline', 'online'] as const)
    bed.call(() => client.emit(event, new Error('evil') as never));
  client.end();
  client.destroy();
}

export const clients: readonly Case[] = [
  ...EVENTS.map(
    (event): Case => ({
      place: `client.on('${event}')`,
      run: (bed, failure) => live(bed, (client) => client.on(event, failing(failure))),
    }),
  ),
  ...STREAMS.flatMap((name) => subscribers(`client.${name}`, (bed, to) => live(bed, (client) => to(client[name] as Observable<unknown>)))),
  ...subscribers('client.resume$', (bed, to) => live(bed, (client) => to(client.resume$))).map((one) => ({
    ...one,
    options: () => ({ resume: true }),
  })),
  { place: 'client.id(callback)', run: (bed, failure) => live(bed, (client) => client.id(failing(failure))) },
  {
    place: 'client.emits(parser)',
    run: (bed, failure) => live(bed, (client) => client.emits('evil', failing(failure, 1))(1)),
  },
  ...(['encoder', 'decoder'] as const).map(
    (half): Case => ({
      place: `client.${half}(done)`,
      beyond: [/rejects|after an await/, 'the application calls the parser itself'],
      run: (bed, failure) => live(bed, (client) => client[half]('1' as never, failing(failure))),
    }),
  ),
  ...(['credentials', 'headers'] as const).map(
    (option): Case => ({
      place: `ClientOptions.${option}`,
      run: (bed, failure) => live(bed, () => {}, { [option]: failing(failure) }),
    }),
  ),
  {
    place: 'ClientOptions.reconnect',
    beyond: [/rejects|after an await/, 'a policy answers at once: the check would be too long for a page'],
    run: (bed, failure) => live(bed, () => {}, { reconnect: failing(failure) }),
  },
];
