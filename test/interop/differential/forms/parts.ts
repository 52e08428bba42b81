import { EventEmitter } from 'node:events';
import type { Any } from '../../defects/stage.js';
import { client, object, server, spark, sync, text, value } from './methods.js';
import type { Subject } from './observe.js';
import { type Form, formsOf } from './values.js';

/** The calls of the functions of this file during the present call, in order. */
let given: unknown[] = [];
const record =
  (name: string) =>
  (...args: unknown[]) =>
    void given.push([name, ...args]);

type Create = (Package: Any) => Subject;

/** The functions that `emits` returns: with bound arguments, with arguments of the call, and with those of the parser. */
export function emitsOf(create: Create): Create {
  return (Package) => {
    const { self: emitter, end } = create(Package);
    given = [];
    emitter.on('event', function (this: unknown, ...args: unknown[]) {
      given.push([...args, this === emitter]);
    });
    emitter.on('error', () => given.push('error'));
    const self = {
      'emits(event, …)(call)': (...bound: unknown[]) => emitter.emits('event', ...bound)('call'),
      'emits(event, bound)(…)': (...args: unknown[]) => emitter.emits('event', 'bound')(...args),
      'emits(event, parser)(call)': (...args: unknown[]) =>
        emitter.emits('event', 'bound', (next: (...values: unknown[]) => void) => next(...args))('call'),
      'emits(…)(call)': (...args: unknown[]) => emitter.emits(...args)('call'),
    };
    return { self, state: () => ({ given: [...given] }), end };
  };
}

export const EMITS: Record<string, readonly Form[]> = {
  'emits(event, …)(call)': [...formsOf(object, text('second')), ...formsOf(object, sync)],
  'emits(event, bound)(…)': formsOf(object, text('second')),
  'emits(event, parser)(call)': formsOf(
    value('null', () => null),
    value('[1, [2]]', () => [1, [2]]),
  ),
  'emits(…)(call)': formsOf(text('event')),
};

/** A connection of a plugin, and a server with message transformers. */
const foreign = value('connection', () => ({ emit: record('emit'), _write: record('_write') }));
const transforming = value('primus', () => ({
  transformers: {
    incoming: [({ data }: Any) => void given.push(data)],
    outgoing: [({ data }: Any) => void given.push(data)],
  },
}));

/** A destination of streams. */
const destination = value('destination', () => Object.assign(new EventEmitter(), { write: record('write'), end: record('end') }));

/** The members of sparks and clients that take the objects of others. */
export function streamsOf(create: Create): Create {
  return (Package) => {
    const { self: connection, end } = create(Package);
    given = [];
    const self = {
      transforms: (...args: unknown[]) => connection.transforms(...args) === connection,
      pipe(...args: unknown[]) {
        const result = connection.pipe(...args) === args[0];
        connection.emit('incoming::data', '"message"');
        connection.end();
        return result;
      },
    };
    return { self, state: () => ({ given: [...given], listeners: connection.listeners('data').length }), end };
  };
}

export const STREAMS: Record<string, readonly Form[]> = {
  transforms: [
    ...formsOf(transforming, foreign, text('incoming'), object, text('raw')),
    ...formsOf(transforming, foreign, text('outgoing'), object),
  ],
  pipe: formsOf(
    destination,
    value('{ end: false }', () => ({ end: false })),
  ),
};

/** The timers of a client, one of which is running. */
export function timers(Package: Any): Subject {
  const { self: created, end } = client(Package);
  const self = created.timers;
  given = [];
  self.setTimeout('there', record('there'), 1_000);
  const ended = () => {
    try {
      end();
    } catch {
      // A client of Primus 8 cannot be destroyed without its timers.
    }
  };
  return { self, state: () => ({ given: [...given], running: Object.keys(self.timers ?? {}) }), settles: 12, end: ended };
}

const soon = value('5', () => 5);
const there = text('there');

export const TIMERS: Record<string, readonly Form[]> = {
  setTimeout: [
    ...formsOf(text('mine'), sync, soon),
    ...formsOf(
      there,
      sync,
      value("'5 ms'", () => '5 ms'),
    ),
  ],
  setInterval: formsOf(text('mine'), sync, soon),
  setImmediate: formsOf(text('mine'), sync),
  adjust: formsOf(there, soon),
  active: formsOf(there),
  clear: [...formsOf(there, text('other')), ...formsOf(text('other, there'))],
  end: formsOf(),
  destroy: formsOf(),
};

/** The reconnection of a client, which waits for its first attempt or has not begun. */
async function recovery(Package: Any, waits: boolean): Promise<Subject> {
  const { self: primus, end } = server(Package);
  const created = new primus.Socket('http://127.0.0.1:1', { manual: true, reconnect: { min: 5_000, max: 5_000 } });
  created.on('error', () => {});
  if (waits) await new Promise((resolve) => created.on('reconnect scheduled', resolve).open());
  given = [];
  for (const event of ['reconnect', 'reconnect scheduled', 'reconnect failed', 'close', 'end', 'open']) created.on(event, record(event));
  const { recovery } = created;
  const returning = (method: string) => {
    const call = (...args: unknown[]) => {
      const result = recovery[method](...args);
      return result === recovery ? 'itself' : result;
    };
    return [method, call] as const;
  };
  const state = () => ({
    given: given.map((entry) => (entry as unknown[])[0]),
    attempt: recovery.attempt?.attempt,
    reconnecting: recovery.reconnecting(),
    state: created.readyState,
  });
  return {
    self: Object.fromEntries(['reconnect', 'reconnecting', 'reset'].map(returning)),
    state,
    settles: 30,
    end: () => {
      created.destroy();
      end();
    },
  };
}

export const idle = (Package: Any) => recovery(Package, false);
export const waiting = (Package: Any) => recovery(Package, true);

export const RECOVERY: Record<string, readonly Form[]> = {
  reconnect: formsOf(sync),
  reconnecting: formsOf(),
  reset: formsOf(),
};

export const PARTS = {
  'primus.emits': [emitsOf(server), EMITS],
  'spark.emits': [emitsOf(spark), EMITS],
  'client.emits': [emitsOf(client), EMITS],
  'spark streams': [streamsOf(spark), STREAMS],
  'client streams': [streamsOf(client), STREAMS],
  'client.timers': [timers, TIMERS],
  'client.recovery': [idle, RECOVERY],
  'client.recovery that waits': [waiting, RECOVERY],
} as const;
