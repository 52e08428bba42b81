import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.js';

/** The table of events in the documents: which object emits each, and the types of its arguments. */
const TABLE: readonly (readonly [event: string, where: 'client' | 'spark' | 'server', ...values: string[]])[] = [
  ['outgoing::reconnect', 'client'],
  ['reconnect scheduled', 'client', 'object'],
  ['reconnect', 'client', 'object'],
  ['reconnected', 'client', 'object'],
  ['reconnect timeout', 'client', 'error', 'object'],
  ['reconnect failed', 'client', 'error', 'object'],
  ['timeout', 'client'],
  ['outgoing::open', 'client'],
  ['incoming::open', 'client'],
  ['open', 'client'],
  ['destroy', 'client'],
  ['incoming::error', 'client', 'error'],
  ['error', 'client', 'error'],
  ['error', 'spark', 'error'],
  ['incoming::data', 'client', 'string'],
  ['incoming::data', 'spark', 'string'],
  ['outgoing::data', 'client', 'string'],
  ['outgoing::data', 'spark', 'string'],
  ['data', 'client', 'object', 'string'],
  ['data', 'spark', 'object', 'string'],
  ['incoming::end', 'client'],
  ['incoming::end', 'spark'],
  ['outgoing::end', 'client'],
  ['outgoing::end', 'spark'],
  ['end', 'client'],
  ['end', 'spark'],
  ['close', 'client'],
  ['close', 'server', 'object'],
  ['connection', 'server', 'object'],
  ['disconnection', 'server', 'object'],
  ['initialised', 'server', 'object', 'object', 'object'],
  ['plugin', 'server', 'string', 'object'],
  ['plugout', 'server', 'string', 'object'],
  ['incoming::ping', 'client', 'number'],
  ['outgoing::ping', 'spark', 'number'],
  ['incoming::pong', 'spark', 'number'],
  ['outgoing::pong', 'client', 'number'],
  ['heartbeat', 'spark'],
  ['online', 'client'],
  ['offline', 'client'],
  ['log', 'server', 'string'],
  ['readyStateChange', 'client', 'string'],
  ['readyStateChange', 'spark', 'string'],
  ['outgoing::url', 'client', 'object'],
];

interface Emitter {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  reserved(event: string): boolean;
}

/** The types of the arguments of each event, by `object event`. */
const emitted = new Map<string, string[]>();

function record(where: string, emitter: unknown): void {
  for (const [event, who] of TABLE) {
    if (who !== where) continue;
    (emitter as Emitter).on(event, (...values) => void emitted.set(`${where} ${event}`, values.map(typeOf)));
  }
}

function typeOf(value: unknown): string {
  return value instanceof Error ? 'error' : typeof value;
}

/** A server and two clients from start to end, in virtual time. */
async function live(): Promise<Emitter[]> {
  const world = new World({ server: { pingInterval: 1_000 } });
  const { primus, network } = world;
  record('server', primus);
  primus.on('connection', (spark) => {
    record('spark', spark);
    spark.on('data', (data) => spark.write(data));
  });
  primus.plugin('mine', { client() {} }).plugout('mine');

  const reconnect = { min: 10, max: 20, retries: 2, 'reconnect timeout': 100 };
  const { client, network$ } = world.connect({ reconnect });
  record('client', client);
  client.write({ hello: 'world' });
  await world.pass(3_000);
  const [spark] = Object.values(primus.connections);
  network$.next(false);
  await world.pass(10);
  network$.next(true);
  await world.pass(100);
  // Errors: a listener that throws and a message that does not parse. Then lost connections, with a server that answers and with one that does not.
  const [connection] = network.pairsOf(world.peers[0] as Peer);
  connection?.client.send('{');
  connection?.server.send('{');
  await world.pass(10);
  primus.write((() => {}) as never);
  network.cut();
  await world.pass(100);
  network.mute = true;
  network.cut();
  await world.pass(1_000);
  expect(client.state.name).toBe('closed');

  const second = world.connect({ timeout: 100, reconnect: { ...reconnect, 'reconnect timeout': 10 } });
  record('client', second.client);
  await world.pass(500);
  network.mute = false;
  network.down = true;
  const third = world.connect({ strategy: false });
  record('client', third.client);
  await world.pass(100);
  client.destroy();
  await world.destroy();
  return [primus, spark, client] as unknown as Emitter[];
}

describe('the table of events', () => {
  let emitters: Emitter[];

  beforeAll(async () => {
    emitters = await live();
  });

  afterAll(() => emitted.clear());

  it.each(TABLE.map(([event, where, ...values]) => ({ event, where, values })))('the $where emits $event', ({ event, where, values }) => {
    expect(emitted.get(`${where} ${event}`)?.slice(0, values.length)).toEqual(values);
  });

  it('is reserved on the object that emits them, and other names are not', () => {
    for (const [index, where] of ['server', 'spark', 'client'].entries()) {
      const emitter = emitters[index] as Emitter;
      for (const [event] of TABLE.filter(([, who]) => who === where)) expect(`${event} ${emitter.reserved(event)}`).toBe(`${event} true`);
      expect(emitter.reserved('incoming::anything')).toBe(true);
      expect(emitter.reserved('outgoing::anything')).toBe(true);
      expect(emitter.reserved('chat')).toBe(false);
    }
  });
});
