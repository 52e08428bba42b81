import { createServer } from 'node:http';
import type { Any } from '../../defects/stage.js';
import type { Subject } from './observe.js';
import { type Form, form, formsOf, type Value } from './values.js';

export const value = (name: string, create: () => unknown): Value => [name, create];
export const sync = value('(a) => {}', () => (_a: unknown) => {});
const two = value('(a, b) => {}', () => (_a: unknown, _b: unknown) => {});
const next = value('(a, next) => next()', () => (_a: unknown, done: () => void) => done());
export const text = (string: string) => value(`'${string}'`, () => string);
export const object = value('{ a: 1 }', () => ({ a: 1 }));

/** A server that does not listen, with the layers, plugins and transformers that calls change. */
export function server(Primus: Any): Subject {
  const self = new Primus(createServer(), { transformer: 'websockets' });
  self.plugin('there', { server() {} });
  const state = () => ({
    layers: self.layers
      .map(({ name, enabled }: Any) => `${String(name).replace(/^(pid_|anonymous ).*/, 'anonymous')}${enabled ? '' : ' off'}`)
      .join(),
    ark: Object.keys(self.ark),
    transformers: [self.transformers.incoming.length, self.transformers.outgoing.length],
    auth: typeof self.auth,
  });
  return { self, state, end: () => self.destroy() };
}

/** A spark without a socket. */
export function spark(Primus: Any): Subject {
  const { self: primus } = server(Primus);
  const self = new primus.Spark({}, { ip: '127.0.0.1', port: 1 }, {});
  self.on('error', () => {});
  return { self, state: () => ({ state: self.readyState }), end: () => primus.destroy() };
}

/** A client that does not connect. */
export function client(Primus: Any): Subject {
  const { self: primus } = server(Primus);
  const self = new primus.Socket('http://127.0.0.1:1/?a=1', { manual: true });
  self.on('error', () => {});
  const state = () => ({ state: self.readyState, buffered: self.buffer?.length });
  return {
    self,
    state,
    end: () => {
      self.destroy();
      primus.destroy();
    },
  };
}

/** Constructors and static functions, whose results are described by some of their members. */
export function constructors(Primus: Any): Subject {
  const ends: Any[] = [];
  const made = (object: Any, ...members: string[]) => {
    object.on?.('error', () => {});
    ends.push(object);
    return Object.fromEntries(members.map((name) => [name, name.split('.').reduce((value, part) => value?.[part], object)]));
  };
  const { self: primus, end } = server(Primus);
  const { Socket } = primus;
  const self = {
    'new Primus': (...args: unknown[]) => made(new Primus(...args), 'pathname', 'options.mine'),
    Primus: (...args: unknown[]) => made(Primus(...args), 'pathname', 'options.mine'),
    createSocket: (...args: unknown[]) => typeof Primus.createSocket(...args),
    'new Spark': (...args: unknown[]) => {
      const { headers, query, id, readyState } = new primus.Spark(...args);
      return { headers, query: { ...query }, id: id.length > 10 ? 'generated' : id, readyState };
    },
    'new Socket': (...args: unknown[]) => made(new Socket(...args), 'url.href', 'options.mine'),
    Socket: (...args: unknown[]) => made(Socket(...args), 'url.href', 'options.mine'),
    connect: (...args: unknown[]) => made(Socket.connect(...args), 'url.href', 'options.mine'),
  };
  return {
    self,
    end: () => {
      for (const object of ends) object.destroy();
      end();
    },
  };
}

const http = value('server', () => createServer());
const options = value('{ mine: 1 }', () => ({ mine: 1 }));
const url = text('http://127.0.0.1:1');
const manual = value('{ mine: 1, manual: true }', () => ({ mine: 1, manual: true }));

export const CONSTRUCTORS: Record<string, readonly Form[]> = {
  'new Primus': formsOf(http, options),
  Primus: formsOf(http, options),
  createSocket: formsOf(options),
  'new Spark': formsOf(
    value('{}', () => ({})),
    value('{}', () => ({})),
    value("{ a: '1' }", () => ({ a: '1' })),
    text('mine'),
  ),
  'new Socket': formsOf(url, manual),
  Socket: formsOf(url, manual),
  connect: formsOf(url, manual),
};

const RESERVED = ['incoming::mine', 'outgoing::', 'INCOMING::mine', 'constructor', 'incoming::data extra'].flatMap((name) =>
  formsOf(text(name)),
);

/** The functions of the parser. */
const PARSER: Record<string, readonly Form[]> = {
  encoder: formsOf(object, two),
  decoder: formsOf(text('{"a":1}'), two),
};

/** The methods of emitters. */
const EMITTER: Record<string, readonly Form[]> = {
  on: formsOf(text('event'), sync, object),
  addListener: formsOf(text('event'), sync, object),
  once: formsOf(text('event'), sync, object),
  off: formsOf(text('event'), sync, object),
  removeListener: formsOf(text('event'), sync, object),
  removeAllListeners: formsOf(text('event')),
  listeners: formsOf(text('event')),
  listenerCount: formsOf(text('event')),
  eventNames: formsOf(),
  emit: formsOf(text('event'), object),
};

/** The methods of Node's emitters, which those of servers in Primus 8 are not. */
const NODE_EMITTER: Record<string, readonly Form[]> = {
  ...EMITTER,
  prependListener: formsOf(text('event'), sync),
  prependOnceListener: formsOf(text('event'), sync),
  rawListeners: formsOf(text('event')),
  setMaxListeners: formsOf(value('5', () => 5)),
  getMaxListeners: formsOf(),
};

export const SERVER: Record<string, readonly Form[]> = {
  write: formsOf(object),
  forEach: [...formsOf(sync), ...formsOf(next, sync)],
  spark: formsOf(text('id')),
  transform: [...formsOf(text('incoming'), sync), ...formsOf(text('outgoing'), two)],
  plugin: formsOf(
    text('mine'),
    value('{ client() {} }', () => ({ client() {} })),
  ),
  plugout: formsOf(text('there')),
  use: [
    ...formsOf(
      text('mine'),
      two,
      object,
      value('2', () => 2),
    ),
    ...formsOf(text('cors'), two),
  ],
  remove: formsOf(text('cors')),
  enable: formsOf(text('cors')),
  disable: formsOf(text('cors')),
  indexOfLayer: formsOf(text('cors')),
  authorize: formsOf(two),
  library: formsOf(value('{ minify: false }', () => ({ minify: false }))),
  readable: formsOf(text('mine'), object),
  writable: formsOf(text('mine'), object),
  emits: formsOf(text('event'), text('bound'), sync),
  reserved: [...formsOf(text('open')), ...RESERVED],
  asyncemit: formsOf(text('event'), object, sync),
  destroy: formsOf(
    value('{ close: false }', () => ({ close: false })),
    value('() => {}', () => () => {}),
  ),
  end: formsOf(
    value('{ close: false }', () => ({ close: false })),
    value('() => {}', () => () => {}),
  ),
  ...PARSER,
  ...EMITTER,
};

export const SPARK: Record<string, readonly Form[]> = {
  write: formsOf(object),
  _write: formsOf(object),
  end: formsOf(
    object,
    value('{ reconnect: true }', () => ({ reconnect: true })),
  ),
  emits: formsOf(text('event'), text('bound'), sync),
  reserved: [...formsOf(text('data')), ...RESERVED],
  heartbeat: formsOf(),
  ...NODE_EMITTER,
};

const path = text('/path?a=1');
const base = text('http://127.0.0.1:1/base');
export const yes = value('true', () => true);

export const CLIENT: Record<string, readonly Form[]> = {
  write: formsOf(object),
  _write: formsOf(object),
  end: formsOf(object),
  id: formsOf(sync),
  plugin: formsOf(text('there')),
  transform: [...formsOf(text('incoming'), sync), ...formsOf(text('outgoing'), two)],
  emits: formsOf(text('event'), text('bound'), sync),
  reserved: [...formsOf(text('open')), ...RESERVED],
  destroy: formsOf(),
  querystring: formsOf(text('?a=1&b')),
  querystringify: formsOf(object, text('?')),
  merge: formsOf(
    object,
    value('{ b: 2 }', () => ({ b: 2 })),
  ),
  clone: formsOf(object),
  uri: formsOf(value("{ protocol: 'ws:', query: true }", () => ({ protocol: 'ws:', query: true }))),
  parse: [
    ...formsOf(text('http://user:pass@127.0.0.1:8080/path?a=1#hash')),
    ...[url, path].flatMap((address) => [base, yes, value('1', () => 1), value('null', () => null)].map((second) => form(address, second))),
    form(path),
    form(path, base, yes),
    form(
      url,
      value('null', () => null),
      yes,
    ),
    form(text('127.0.0.1:1/path')),
    form(url, sync),
  ],
  critical: formsOf(value('error', () => new Error('mine'))),
  ...PARSER,
  ...NODE_EMITTER,
};
