import { Server } from 'node:net';
import type { Any } from '../../defects/stage.js';
import { object, server, sync, text, value, yes } from './methods.js';
import type { Subject } from './observe.js';
import { type Form, formsOf } from './values.js';

/** `createServer`, with HTTP servers that do not listen. */
export function creating(Package: Any): Subject {
  const ends: (() => void)[] = [];
  const listened: unknown[] = [];
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    listened.push(args[0]);
    return this;
  } as typeof listen;
  return {
    self: {
      createServer(...args: unknown[]) {
        const primus = Package.createServer(...args);
        ends.push(() => primus.destroy());
        return {
          pathname: primus.pathname,
          mine: primus.options.mine,
          connection: args.some((listener) => primus.listeners('connection').includes(listener)),
        };
      },
    },
    state: () => ({ listened: [...listened] }),
    end() {
      Server.prototype.listen = listen;
      for (const end of ends) end();
    },
  };
}

const options = value('{ port: 1, mine: 1 }', () => ({ port: 1, mine: 1 }));

export const CREATING: Record<string, readonly Form[]> = {
  createServer: [...formsOf(sync, options), ...formsOf(options)],
};

/** The static members of the class of the sparks of one server, and what they define: those of 8.0.9 define it for all servers. */
export function sparkClass(Package: Any): Subject {
  const { self: primus, end } = server(Package);
  const { Spark } = primus;
  const defined: unknown[] = [];
  const { defineProperty } = Object;
  const prototypes = [Spark.prototype, Package.Spark.prototype];
  const recording = (target: object, name: PropertyKey, descriptor: PropertyDescriptor) => {
    if (!prototypes.includes(target)) return defineProperty(target, name, descriptor);
    const { value, writable = false, enumerable = false, get, set } = descriptor;
    defined.push({ name, ...(get || set ? { get: typeof get, set: typeof set } : { value, writable }), enumerable });
    return target;
  };
  const chained = (method: string) => {
    const call = (...args: unknown[]) => {
      Object.defineProperty = recording as typeof defineProperty;
      try {
        return Spark[method](...args) === Spark[method] ? 'itself' : 'another';
      } finally {
        Object.defineProperty = defineProperty;
      }
    };
    return [method, call] as const;
  };
  return { self: Object.fromEntries(['readable', 'writable', 'get', 'set'].map(chained)), state: () => ({ defined: [...defined] }), end };
}

const mine = text('mine');
const accessors = value('{ get, set }', () => ({ get: () => 1, set: () => {} }));
const getter = value('() => 1', () => () => 1);

export const SPARK_CLASS: Record<string, readonly Form[]> = {
  readable: [...formsOf(mine, object), ...formsOf(mine, accessors, yes)],
  writable: [...formsOf(mine, object), ...formsOf(mine, accessors, yes)],
  get: formsOf(mine, getter),
  set: formsOf(mine, getter, sync),
};

/** `extend` and `predefine` of the constructors. */
export function extending(Package: Any): Subject {
  return {
    self: {
      extend(...args: unknown[]) {
        const Class = Package.Spark.extend(...args);
        return [Class.prototype.method?.(), Class.fixed, typeof Class.extend, Class.prototype instanceof Package.Spark];
      },
      'Transformer.extend': (...args: unknown[]) => Boolean(Package.Transformer.extend(...args)),
      predefine(...args: unknown[]) {
        const [target] = args;
        const define = Package.predefine(...args);
        const chained = define('mine', 1) === define;
        return [chained, Object.getOwnPropertyDescriptor(target, 'mine')?.writable, Object.keys(target as object)];
      },
    },
    end() {},
  };
}

const parts = value('{ server, client }', () => ({ server() {}, client() {} }));
const members = value('{ method }', () => ({ method: () => 'method' }));

export const EXTENDING: Record<string, readonly Form[]> = {
  extend: formsOf(
    members,
    value('{ fixed: 1 }', () => ({ fixed: 1 })),
  ),
  'Transformer.extend': formsOf(parts),
  predefine: formsOf(
    value('{}', () => ({})),
    value('{ writable: true }', () => ({ writable: true })),
  ),
};
/** The static members of the class of clients. */
export function clientClass(Package: Any): Subject {
  const { self: primus, end } = server(Package);
  const { Socket } = primus;
  return { self: { require: Socket.require, requires: Socket.requires }, end };
}

export const CLIENT_CLASS: Record<string, readonly Form[]> = {
  require: formsOf(text('node:events')),
  requires: formsOf(text('node:events')),
};

export const STATICS = {
  Primus: [creating, CREATING],
  constructors: [extending, EXTENDING],
  'primus.Spark': [sparkClass, SPARK_CLASS],
  'primus.Socket': [clientClass, CLIENT_CLASS],
} as const;
