import { asError } from '../core/errors.js';
import type { Spark } from '../server/spark.js';
import type { Cluster } from './cluster.js';

/** An error-first callback of primus-rooms. */
type Callback<T> = (error: Error | null, value?: T) => void;

/** The options of a broadcast of primus-rooms. */
interface BroadcastOptions {
  /** The rooms. @defaultValue all */
  readonly rooms?: readonly string[];
  /** The ids of sparks that do not get it. @defaultValue `[]` */
  readonly except?: readonly string[];
  /** `write`, or `send` of primus-emitter. @defaultValue `'write'` */
  readonly method?: string;
  /** Changes the message for each spark. Only the sparks of this node get such a message. @defaultValue none */
  readonly transformer?: unknown;
}

/** The adapter interface of primus-rooms 3. Without a callback, a question is answered for this node; with one, for all nodes. */
export interface RoomsAdapter {
  /** Adds a spark of this node to a room. */
  add(id: string, room: string, done?: Callback<void>): void;
  /** The same as `add`. */
  set(id: string, room: string, done?: Callback<void>): void;
  /** Returns the rooms of a spark of this node, or all rooms. */
  get(id: string | null, done?: Callback<string[]>): string[];
  /** Removes a spark of this node from a room, or from all. */
  del(id: string, room: string | null, done?: Callback<void>): void;
  /** Sends a message to rooms, or to all members of any. */
  broadcast(data: readonly unknown[], options: BroadcastOptions, sparks: { readonly [id: string]: Spark }): void;
  /** Returns the ids of the members of a room. */
  clients(room: string, done?: Callback<string[]>): string[];
  /** Removes all members from rooms, on all nodes. */
  empty(room: string | readonly string[], done?: Callback<void>): void;
  /** Returns whether a room has no members. */
  isEmpty(room: string, done?: Callback<boolean>): boolean;
  /** Removes all members from all rooms, on all nodes. */
  clear(done?: Callback<void>): RoomsAdapter;
}

/** The name of the questions among nodes. */
const QUESTION = 'primus-rooms';

/** A question of one node to the others. */
type Question =
  | { readonly type: 'clients'; readonly room: string }
  | { readonly type: 'rooms' }
  | { readonly type: 'empty'; readonly rooms: readonly string[] | null }
  | {
      readonly type: 'call';
      readonly method: string;
      readonly data: readonly unknown[];
      readonly rooms: string[];
      readonly except: string[];
    };

/**
 * Returns an adapter that keeps the rooms of the plugin primus-rooms in a cluster: they reach the members on all nodes. Patterns as names of rooms
 * are not supported.
 *
 * @example
 * import { clustered, memory, roomsAdapter } from 'primus-rx/cluster';
 *
 * const cluster = clustered(primus, memory());
 * Object.assign(primus.options, { rooms: { adapter: roomsAdapter(cluster) } });
 * primus.plugin('rooms', 'primus-rooms');
 */
export function roomsAdapter(cluster: Cluster): RoomsAdapter {
  const { primus } = cluster;
  /** The rooms of this node. */
  const rooms = () => [...new Set(Object.values(primus.connections).flatMap((spark) => cluster.rooms(spark)))];
  const idsOf = (room: string) => cluster.members(room).map(({ id }) => id);
  const membersOf = (names: readonly string[], except: readonly string[]) => {
    const sparks = new Set((names.length > 0 ? names : rooms()).flatMap((room) => cluster.members(room)));
    return [...sparks].filter(({ id }) => !except.includes(id));
  };
  const call = (method: string, data: readonly unknown[], sparks: readonly Spark[]) => {
    for (const spark of sparks) (spark as unknown as Record<string, (...args: unknown[]) => void>)[method]?.(...data);
  };

  cluster.handle(QUESTION, (question: Question, { node }): unknown[] => {
    switch (question.type) {
      case 'clients':
        return idsOf(question.room);
      case 'rooms':
        return rooms();
      case 'empty':
        for (const room of question.rooms ?? rooms()) for (const spark of cluster.members(room)) cluster.leave(spark, room);
        return [];
      default:
        // The asking node has done so itself.
        if (node !== cluster.node) call(question.method, question.data, membersOf(question.rooms, question.except));
        return [];
    }
  });

  /** Asks all nodes, and calls back with what they have answered. */
  function ask<T>(question: Question, done: (answers: T[]) => void): void {
    const answers: T[] = [];
    cluster.ask<T>(QUESTION, question).subscribe({
      next: (answer) => 'value' in answer && answers.push(answer.value),
      complete: () => done(answers),
    });
  }

  /** Runs a step, and calls back with what went wrong. */
  function attempt(step: () => unknown, done: Callback<void> | undefined): void {
    let error: Error | null = null;
    try {
      step();
    } catch (thrown) {
      error = asError(thrown);
      if (done === undefined) throw error;
    }
    if (done !== undefined) process.nextTick(done, error);
  }

  const adapter: RoomsAdapter = {
    add(id, room, done) {
      const spark = primus.spark(id);
      if (spark === undefined) attempt(() => {}, done);
      // The member gets what other nodes write from then on.
      else if (done !== undefined) void cluster.join(spark, room).then(() => done(null));
      else void cluster.join(spark, room);
    },
    set: (id, room, done) => adapter.add(id, room, done),
    get(id, done) {
      const spark = id ? primus.spark(id) : undefined;
      const own = id ? [...(spark === undefined ? [] : cluster.rooms(spark))] : rooms();
      if (done !== undefined && id) process.nextTick(done, null, own);
      else if (done !== undefined) ask<string>({ type: 'rooms' }, (answers) => done(null, [...new Set(answers)]));
      return own;
    },
    del(id, room, done) {
      const spark = primus.spark(id);
      attempt(() => spark !== undefined && cluster.leave(spark, room ?? undefined), done);
    },
    broadcast(data, { rooms: names = [], except = [], method = 'write', transformer }, sparks) {
      const local = () => membersOf(names, except).filter(({ id }) => sparks[id] !== undefined);
      if (typeof transformer === 'function') transformed(local(), transformer as Transformer, method, data);
      else if (method === 'write' && names.length > 0) cluster.to({ room: names, except }).write(data[0]);
      else {
        call(method, data, local());
        ask({ type: 'call', method, data, rooms: [...names], except: [...except] }, () => {});
      }
    },
    clients(room, done) {
      if (done !== undefined) ask<string>({ type: 'clients', room }, (ids) => done(null, ids));
      return idsOf(room);
    },
    empty(room, done) {
      ask({ type: 'empty', rooms: Array.isArray(room) ? room : [room] }, () => done?.(null));
    },
    isEmpty(room, done) {
      if (done !== undefined) adapter.clients(room, (_error, ids) => done(null, ids?.length === 0));
      return idsOf(room).length === 0;
    },
    clear(done) {
      ask({ type: 'empty', rooms: null }, () => done?.(null));
      return adapter;
    },
  };
  return adapter;

  /** Sends a message that a function changes for each spark: synchronously with one parameter, with `next` in the second one else. */
  function transformed(sparks: readonly Spark[], transformer: Transformer, method: string, data: readonly unknown[]): void {
    for (const spark of sparks) {
      const packet = { data: structuredClone(data) as unknown[] };
      const send = (error?: unknown, isKept?: unknown) => {
        if (error) spark.emit('error', asError(error));
        else if (isKept !== false) call(method, packet.data, [spark]);
      };
      if (transformer.length < 2) send(null, transformer.call(spark, packet, send));
      else transformer.call(spark, packet, send);
    }
  }
}

/** A message transformer of primus-rooms. */
type Transformer = (this: Spark, packet: { data: unknown[] }, next: (error?: unknown, isKept?: unknown) => void) => unknown;
